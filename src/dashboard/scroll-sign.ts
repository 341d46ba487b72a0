/** Whether a part scrolls sideways, and whether there is more to the right of what is in sight. */
import { useEffect, useState, type RefObject } from 'react'

export interface ScrollSign {
  readonly scrolls: boolean
  /** For the style sheet to show that there is more. */
  readonly className: '' | 'has-more'
}

const FITS: ScrollSign = { scrolls: false, className: '' }
const SCROLLED_TO_END: ScrollSign = { scrolls: true, className: '' }
const HAS_MORE: ScrollSign = { scrolls: true, className: 'has-more' }
/** Widths are no whole numbers of pixels. */
const ROUNDING_PX = 1

export function useScrollSign(part: RefObject<HTMLElement | null>): ScrollSign {
  const [sign, setSign] = useState(FITS)
  useEffect(() => {
    const { current } = part
    if (!current) return
    const look = (): void => {
      const { scrollLeft, clientWidth, scrollWidth } = current
      const fits = scrollWidth - clientWidth <= ROUNDING_PX
      setSign(fits ? FITS : scrollWidth - clientWidth - scrollLeft > ROUNDING_PX ? HAS_MORE : SCROLLED_TO_END)
    }
    const observer = new ResizeObserver(look)
    for (const observed of [current, ...current.children]) observer.observe(observed)
    current.addEventListener('scroll', look, { passive: true })
    return () => {
      observer.disconnect()
      current.removeEventListener('scroll', look)
    }
  }, [part])
  return sign
}
