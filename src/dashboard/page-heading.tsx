/**
 * The main heading of a page: the window is named after it, and whoever comes to the page has the focus there, unless the
 * page has put it into a field. Until the heading is there, the focus waits in the main region.
 */
import { useLayoutEffect, useRef, type ReactNode } from 'react'

export const CONTENT_ID = 'content'
const PRODUCT = 'Meterbook'

interface Props {
  /** The name alone, without marks beside it. */
  readonly title: string
  readonly children?: ReactNode
}

export function PageHeading({ title, children = title }: Props) {
  const heading = useRef<HTMLHeadingElement>(null)
  useLayoutEffect(() => {
    document.title = `${title} – ${PRODUCT}`
    return () => {
      document.title = PRODUCT
    }
  }, [title])
  useLayoutEffect(() => {
    if (document.activeElement?.id === CONTENT_ID) heading.current?.focus()
  }, [])
  return (
    <h1 ref={heading} tabIndex={-1}>
      {children}
    </h1>
  )
}

/**
 * `place` is null where nobody has arrived yet: a page that the browser loads leaves the focus to the browser.
 * A field that takes the focus does so after layout effects, and so has the last word.
 */
export function useFocusOnArrival(place: string | null): void {
  const last = useRef(place)
  useLayoutEffect(() => {
    if (last.current !== null && place !== last.current) focusContent()
    last.current = place
  }, [place])
}

function focusContent(): void {
  const content = document.getElementById(CONTENT_ID)
  // A tab that was chosen is still there and keeps it.
  if (!content || content.contains(document.activeElement)) return
  const heading = content.querySelector('h1')
  ;(heading ?? content).focus()
}
