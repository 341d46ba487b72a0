/** A table that scrolls within itself, by keyboard as well, where there is less room than it needs. */
import type { ReactNode } from 'react'

export interface Column {
  /** Empty above buttons. */
  readonly title: string
  readonly className?: 'number' | 'no-print'
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

/** A column of numbers. */
export function ofNumbers(title: string): Column {
  return { title, className: 'number' }
}

export function ScrolledTable({ label, columns, className = '', tableClassName, isLive = false, children }: Props) {
  return (
    <div className={`scroll ${className}`.trim()} tabIndex={0} role="region" aria-label={label}>
      <table className={tableClassName} aria-live={isLive ? 'polite' : undefined}>
        <thead>
          <tr>
            {columns.map((column, index) => {
              const { title, className } = typeof column === 'string' ? { title: column, className: undefined } : column
              return (
                <th key={index} scope="col" className={className}>
                  {title}
                </th>
              )
            })}
          </tr>
        </thead>
        {children}
      </table>
    </div>
  )
}
