/**
 * A button that asks before it acts: a dialog with what the action means, and a way out. What goes wrong is said in the
 * dialog, which stays open.
 */
import { useMutation, useQueryClient } from '@tanstack/react-query'
import { useState, type ReactNode } from 'react'
import { Button, Dialog, DialogTrigger, Form, Heading, Modal, ModalOverlay } from 'react-aria-components'
import './action-dialog.css'
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
  run,
  changes,
  children,
}: Props) {
  const texts = useTexts()
  const client = useQueryClient()
  const [isOpen, setOpen] = useState(false)
  const attempt = useMutation({
    mutationFn: run,
    onSuccess: () => {
      setOpen(false)
      for (const topic of changes) void client.invalidateQueries({ queryKey: [topic] })
    },
  })
  const changeOpen = (open: boolean): void => {
    if (open) {
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
                if (!attempt.isPending) attempt.mutate()
              }}
            >
              <Heading slot="title" level={2}>
                {title}
              </Heading>
              {children}
              {attempt.isError && <FailureNotice error={attempt.error} />}
              <div className="buttons">
                <Button
                  type="submit"
                  className={isDangerous ? 'button button-danger' : 'button button-main'}
                  isDisabled={attempt.isPending}
                >
                  {action}
                </Button>
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
