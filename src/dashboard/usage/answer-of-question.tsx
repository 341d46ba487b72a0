/**
 * The answer to what is asked above it. While another is awaited, what is shown keeps its place and its state, but none of
 * it can be seen, read or printed: a number never stands under a period or a moment that is not its own.
 */
import type { ReactNode } from 'react'
import { Skeleton } from '../skeleton.js'
import './usage.css'

interface Props {
  /** What is inside answers an earlier question. */
  readonly isAwaited: boolean
  readonly label?: string
  readonly children: ReactNode
}

export function AnswerOfQuestion({ isAwaited, label, children }: Props) {
  return (
    <section className="answer" aria-busy={isAwaited} {...(label === undefined ? {} : { 'aria-label': label })}>
      {isAwaited && <Skeleton lines={6} />}
      <div className={isAwaited ? 'answer-of-another' : undefined}>{children}</div>
    </section>
  )
}
