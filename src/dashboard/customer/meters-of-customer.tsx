/** A line for each meter the customer has usage on, with its parts and, where asked for, every event. */
import { Fragment } from 'react'
import { Button } from 'react-aria-components'
import { useNumberFormat, usePageTexts, useTexts } from '../language.js'
import { changeQuery, paths, useAddressQuery } from '../route.js'
import { ofNumbers, ScrolledTable } from '../scrolled-table.js'
import { asOfAddress, periodQuery } from '../usage/address.js'
import { ExplainList } from '../usage/explain-list.js'
import { keyedGroupName } from '../usage/group-name.js'
import type { Interval, Period } from '../usage/period.js'
import { usageTexts } from '../usage/texts.js'
import type { AsOf, UsageOfCustomer } from '../usage/usage-answers.js'
import { customerTexts } from './texts.js'

interface Props {
  readonly customer: string
  readonly meters: UsageOfCustomer['meters']
  readonly period: Period
  readonly interval: Interval
  readonly asOf: AsOf
}

export function MetersOfCustomer({ customer, meters, period, interval, asOf }: Props) {
  const texts = useTexts()
  const pageTexts = usePageTexts(customerTexts)
  const shared = usePageTexts(usageTexts)
  const number = useNumberFormat()
  const explained = useAddressQuery().get('explain')
  const setExplained = (meter: string | null): void => changeQuery({ explain: meter ?? undefined }, 'step')
  const same = { ...periodQuery(period, interval), ...asOfAddress(asOf) }
  const explainedMeter = meters.find(({ meter }) => meter.id === explained)?.meter
  return (
    <>
      <ScrolledTable
        label={pageTexts.byMeter}
        columns={[
          texts.columnName,
          texts.columnFormula,
          ofNumbers(shared.records),
          ofNumbers(texts.total),
          ofNumbers(pageTexts.billed),
          { title: texts.actions, className: 'of-buttons no-print' },
        ]}
        tableClassName="statement"
      >
        <tbody>
          {meters.map(({ meter, aggregated_value_decimal, records, groups, has_more_groups }) => (
            <Fragment key={meter.id}>
              <tr>
                <th scope="row">
                  <a href={paths.meter(meter.id, 'overview', { ...same, customer })}>{meter.display_name}</a>
                  <br />
                  <code className="quiet">{meter.event_name}</code>
                </th>
                <td data-label={texts.columnFormula}>{texts.formulas[meter.default_aggregation.formula]}</td>
                <td className="number" data-label={shared.records}>
                  {number(records)}
                </td>
                <td className="number" data-label={texts.total} data-total-of={meter.id}>
                  {aggregated_value_decimal}
                </td>
                <td className="number" data-label={pageTexts.billed}>
                  {billed(aggregated_value_decimal)}
                </td>
                <td className="no-print">
                  <Button
                    className="button button-quiet"
                    aria-expanded={explained === meter.id}
                    aria-label={pageTexts.explainMeter(meter.display_name)}
                    onPress={() => setExplained(explained === meter.id ? null : meter.id)}
                  >
                    {shared.explain}
                  </Button>
                </td>
              </tr>
              {groups.map((group) => (
                <tr key={JSON.stringify(group.dimensions)} className="statement-part">
                  <td colSpan={2}>{keyedGroupName(group, shared)}</td>
                  <td className="number" data-label={shared.records}>
                    {number(group.records)}
                  </td>
                  <td className="number" data-label={texts.total}>
                    {group.aggregated_value_decimal}
                  </td>
                  <td></td>
                  <td className="no-print"></td>
                </tr>
              ))}
              {has_more_groups && (
                <tr className="statement-part">
                  <td colSpan={6}>{pageTexts.moreGroups(groups.length)}</td>
                </tr>
              )}
            </Fragment>
          ))}
        </tbody>
      </ScrolledTable>
      <p className="hint statement-hint">
        {pageTexts.billedHint} {shared.recordsHint}
      </p>
      {explainedMeter && (
        <section className="panel statement-explained" aria-labelledby="statement-explained">
          <h2 id="statement-explained">{pageTexts.explainMeter(explainedMeter.display_name)}</h2>
          <ExplainList meter={explainedMeter} customer={customer} interval={interval} asOf={asOf} same={same} />
        </section>
      )}
    </>
  )
}

/** A total may be negative, a bill may not. Exact text in, exact text out. */
function billed(value: string): string {
  return value.startsWith('-') ? '0' : value
}
