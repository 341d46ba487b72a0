/** A table of which only the rows in sight are in the page, however many customers there are. */
import { useVirtualizer } from '@tanstack/react-virtual'
import { useEffect, useRef, type CSSProperties } from 'react'
import { useNumberFormat, usePageTexts, useTexts } from '../language.js'
import { paths, type AddressQuery } from '../route.js'
import { useScrollSign } from '../scroll-sign.js'
import { shareText } from '../usage/share.js'
import { usageTexts } from '../usage/texts.js'
import type { CustomerSum } from '../usage/usage-answers.js'
import { customersTexts } from './texts.js'

interface Props {
  readonly customers: readonly CustomerSum[]
  /** The period and the moment, for the addresses of the customers. */
  readonly same: AddressQuery
  /** Of all there are; null: not known. */
  readonly count: number | null
  /** Of all customers; null: not known. */
  readonly total: string | null
  /** The last rows are in sight. */
  readonly onEnd: () => void
}

/** As customers.css has it. */
const ROW_PX = 44
const ROWS_BEYOND_SIGHT = 10

export function CustomerList({ customers, same, count, total, onEnd }: Props) {
  const texts = useTexts()
  const pageTexts = usePageTexts(customersTexts)
  const shared = usePageTexts(usageTexts)
  const number = useNumberFormat()
  const scroll = useRef<HTMLDivElement>(null)
  const sign = useScrollSign(scroll)
  const rows = useVirtualizer({
    count: customers.length,
    getScrollElement: () => scroll.current,
    estimateSize: () => ROW_PX,
    overscan: ROWS_BEYOND_SIGHT,
  })
  const longest = customers.reduce((most, each) => Math.max(most, each.aggregated_value_decimal.length), 0)
  const inSight = rows.getVirtualItems()
  const isAtEnd = (inSight.at(-1)?.index ?? 0) >= customers.length - 1
  useEffect(() => {
    if (isAtEnd) onEnd()
  }, [isAtEnd, onEnd])
  return (
    <>
      <div
        ref={scroll}
        className={`customer-list ${sign.className}`.trim()}
        style={{ '--characters': longest } as CSSProperties}
        tabIndex={0}
        role="table"
        aria-label={pageTexts.list}
        aria-rowcount={(count ?? -2) + 1}
      >
        <div role="rowgroup" className="customer-list-head">
          <div role="row" className="customer-row" aria-rowindex={1}>
            <span role="columnheader">{texts.customer}</span>
            <span role="columnheader" className="number">
              {texts.value}
            </span>
            <span role="columnheader" className="number">
              {shared.records}
            </span>
            <span role="columnheader" className="number">
              {shared.share}
            </span>
          </div>
        </div>
        <div role="rowgroup" className="customer-list-rows" style={{ height: rows.getTotalSize() }}>
          {inSight.map(({ index, start }) => {
            const each = customers[index] as CustomerSum
            return (
              <div
                key={each.customer}
                role="row"
                className="customer-row customer-row-placed"
                aria-rowindex={index + 2}
                style={{ transform: `translateY(${start}px)` }}
              >
                <span role="rowheader">
                  <a href={paths.customer(each.customer, same)} title={each.customer}>
                    {each.customer}
                  </a>
                </span>
                <span role="cell" className="number">
                  {each.aggregated_value_decimal}
                </span>
                <span role="cell" className="number">
                  {number(each.records)}
                </span>
                <span role="cell" className="number">
                  {total === null ? '–' : shareText(each.aggregated_value_decimal, total)}
                </span>
              </div>
            )
          })}
        </div>
      </div>
      {sign.scrolls && (
        <p className="scroll-hint no-print" aria-hidden="true">
          {texts.scrollsSideways}
        </p>
      )}
      <p className="print-only">{pageTexts.printedRows}</p>
    </>
  )
}
