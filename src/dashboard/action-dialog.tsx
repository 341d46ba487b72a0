/**
 * A button that asks before it acts: a dialog with what the action means, and a way out. What goes wrong is said in the
 * dialog, which stays open, and opens again where it was closed too soon.
 */
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useRef, useState, type ReactNode } from 'react'
import { Button, Dialog, DialogTrigger, Form, Heading, Modal, ModalOverlay } from 'react-aria-components'
import './action-dialog.css'
import { busyClass } from './busy-class.js'
import { FailureNotice } from './failure-notice.js'
import { useTexts } from './language.js'

interface Props {
  /** Of the button that opens it. */
  readonly label: string
  /** Says more than the label, where several buttons have the same one. */
  readonly description?: string
  readonly title: string
  /** Of the button that acts. */
  readonly action: string
  readonly isDangerous?: boolean
  readonly isSmall?: boolean
  /** Before the dialog opens. */
  readonly onOpen?: () => void
  readonly onOpenChange?: (isOpen: boolean) => void
  /** Why there is nothing to do any more, when that happens while the dialog is open. */
  readonly isOver?: string | null
  readonly run: () => Promise<unknown>
  /** First elements of the keys of queries whose answers change with it. */
  readonly changes: readonly string[]
  readonly children: ReactNode
}

export function ActionDialog({
  label,
  description,
  title,
  action,
  isDangerous = false,
  isSmall = false,
  onOpen,
  onOpenChange,
  isOver = null,
  run,
  changes,
  children,
}: Props) {
  const texts = useTexts()
  const client = useQueryClient()
  const [isOpen, setOpenState] = useState(false)
  const setOpen = (open: boolean): void => {
    setOpenState(open)
    onOpenChange?.(open)
  }
  // Known before the button is: a second click comes sooner than the page is drawn.
  const isBegun = useRef(false)
  const attempt = useMutation({
    mutationFn: run,
    onSuccess: () => {
      setOpen(false)
      for (const topic of changes) void client.invalidateQueries({ queryKey: [topic] })
    },
    onError: () => {
      isBegun.current = false
      // Whoever closed it meanwhile would not hear of it.
      setOpen(true)
    },
  })
  // What was done here is no news.
  const over = attempt.isPending || attempt.isSuccess ? null : isOver
  const begin = (): void => {
    if (isBegun.current || over !== null) return
    isBegun.current = true
    attempt.mutate()
  }
  const changeOpen = (open: boolean): void => {
    // Opened while an attempt is under way, it is about that one.
    if (open && !attempt.isPending) {
      isBegun.current = false
      attempt.reset()
      onOpen?.()
    }
    setOpen(open)
  }
  return (
    <DialogTrigger isOpen={isOpen} onOpenChange={changeOpen}>
      <Button
        className={isSmall ? 'button button-quiet' : 'button'}
        {...(description === undefined ? {} : { 'aria-label': description })}
      >
        {label}
      </Button>
      <ModalOverlay className="dialog-overlay" isDismissable>
        <Modal className="dialog">
          <Dialog>
            <Form
              className="stack"
              validationBehavior="aria"
              onSubmit={(event) => {
                event.preventDefault()
                begin()
              }}
            >
              <Heading slot="title" level={2}>
                {title}
              </Heading>
              {over === null ? (
                children
              ) : (
                <p className="notice" role="status">
                  {over}
                </p>
              )}
              {attempt.isError && over === null && <FailureNotice error={attempt.error} />}
              <div className="buttons">
                {over === null && (
                  <Button
                    type="submit"
                    className={`button ${isDangerous ? 'button-danger' : 'button-main'} ${busyClass(attempt.isPending)}`}
                  >
                    {action}
                  </Button>
                )}
                <Button className="button" slot="close">
                  {texts.close}
                </Button>
              </div>
            </Form>
          </Dialog>
        </Modal>
      </ModalOverlay>
    </DialogTrigger>
  )
}
