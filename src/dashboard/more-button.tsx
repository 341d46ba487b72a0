/**
 * Asks for more of a list. It keeps the focus while more is on the way, and leaves it in its place once there is no more: whoever
 * works by keyboard goes on from the end of the list.
 */
import { useEffect, useRef, type ReactNode } from 'react'
import { Button } from 'react-aria-components'
import { busyClass } from './busy-class.js'

interface Props {
  readonly label: string
  readonly className?: string
  readonly isThere: boolean
  readonly isBusy: boolean
  readonly onPress: () => void
  /** Beside the button. */
  readonly children?: ReactNode
}

export function MoreButton({ label, className, isThere, isBusy, onPress, children }: Props) {
  const place = useRef<HTMLDivElement>(null)
  const wasThere = useRef(isThere)
  useEffect(() => {
    const isGone = wasThere.current && !isThere
    wasThere.current = isThere
    if (isGone && document.activeElement === document.body) place.current?.focus({ preventScroll: true })
  }, [isThere])
  return (
    <div ref={place} tabIndex={-1} className={isThere ? className : undefined}>
      {isThere && (
        <>
          <Button className={`button ${busyClass(isBusy)}`} onPress={() => !isBusy && onPress()}>
            {label}
          </Button>
          {children}
        </>
      )}
    </div>
  )
}
