/** A table that scrolls within itself, by keyboard as well, where there is less room than it needs. */
import { useRef, type ReactNode } from 'react'
import { useTexts } from './language.js'
import { useScrollSign } from './scroll-sign.js'

export interface Column {
  /** Of a column of buttons read out only. */
  readonly title: string
  readonly className?: 'number' | 'wide' | 'of-buttons no-print' | 'of-buttons'
}

interface Props {
  /** For who cannot see it. */
  readonly label: string
  readonly columns: readonly (string | Column)[]
  /** Of what scrolls, and of the table. */
  readonly className?: string
  readonly tableClassName?: string
  /** Whether changes are read out. */
  readonly isLive?: boolean
  /** Bodies of the table. */
  readonly children: ReactNode
}

/** A column of sentences: where there is little room it is not narrowed, the table scrolls. */
export function ofSentences(title: string): Column {
  return { title, className: 'wide' }
}

/** A column of buttons, which say themselves what they do; its title is read out only. */
export function ofButtons(title: string): Column {
  return { title, className: 'of-buttons' }
}

/** A column of numbers. */
export function ofNumbers(title: string): Column {
  return { title, className: 'number' }
}

export function ScrolledTable({ label, columns, className = '', tableClassName, isLive = false, children }: Props) {
  const texts = useTexts()
  const scroll = useRef<HTMLDivElement>(null)
  const sign = useScrollSign(scroll)
  return (
    <>
      <div
        ref={scroll}
        className={`scroll ${sign.className} ${className}`.trim()}
        tabIndex={0}
        role="region"
        aria-label={label}
      >
        <table className={tableClassName} aria-live={isLive ? 'polite' : undefined}>
          <thead>
            <tr>
              {columns.map((column, index) => {
                const { title, className } =
                  typeof column === 'string' ? { title: column, className: undefined } : column
                return (
                  <th key={index} scope="col" className={className}>
                    {className?.startsWith('of-buttons') ? <span className="read-out">{title}</span> : title}
                  </th>
                )
              })}
            </tr>
          </thead>
          {children}
        </table>
      </div>
      {sign.scrolls && (
        <p className="scroll-hint no-print" aria-hidden="true">
          {texts.scrollsSideways}
        </p>
      )}
    </>
  )
}
