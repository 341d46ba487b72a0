/** The chart as a table: every bar and every group, exact. */
import { Button } from 'react-aria-components'
import { usePageTexts, useTexts } from '../language.js'
import { ofButtons, ofNumbers, ScrolledTable } from '../scrolled-table.js'
import { utcDay, utcMinute } from '../utc.js'
import { groupName } from '../usage/group-name.js'
import { usageTexts } from '../usage/texts.js'
import type { MeterUsage } from '../usage/usage-answers.js'
import { overviewTexts } from './texts.js'

interface Props {
  readonly usage: MeterUsage
  readonly size: 'hour' | 'day'
  readonly onBar: (start: number) => void
}

export function UsageTable({ usage, size, onBar }: Props) {
  const texts = useTexts()
  const pageTexts = usePageTexts(overviewTexts)
  const shared = usePageTexts(usageTexts)
  return (
    <details className="chart-table">
      <summary>{pageTexts.asTable}</summary>
      <ScrolledTable
        label={pageTexts.asTable}
        columns={[
          texts.window,
          ofNumbers(texts.value),
          ...usage.groups.map((group) => ofNumbers(groupName(group, shared))),
          ofButtons(texts.actions),
        ]}
        className="chart-table-scroll"
      >
        <tbody>
          {usage.windows.map((window) => {
            const start = window.start_time * 1000
            return (
              <tr key={start}>
                <th scope="row">{barName(start, size)}</th>
                <td className="number">{window.aggregated_value_decimal}</td>
                {usage.groups.map((group) => (
                  <td key={JSON.stringify(group.dimensions)} className="number">
                    {groupOf(window.groups, group)?.aggregated_value_decimal ?? ''}
                  </td>
                ))}
                <td>
                  <Button
                    className="button button-quiet"
                    aria-label={pageTexts.explainBar(barName(start, size))}
                    onPress={() => onBar(start)}
                  >
                    {shared.explain}
                  </Button>
                </td>
              </tr>
            )
          })}
        </tbody>
      </ScrolledTable>
    </details>
  )
}

export function barName(start: number, size: 'hour' | 'day'): string {
  return size === 'day' ? utcDay(start) : utcMinute(start)
}

/** The same group in a window; undefined where it has no usage there. */
export function groupOf<Group extends { readonly dimensions: Readonly<Record<string, string>> | null }>(
  groups: readonly Group[],
  { dimensions }: Pick<Group, 'dimensions'>,
): Group | undefined {
  const key = JSON.stringify(dimensions)
  return groups.find((group) => JSON.stringify(group.dimensions) === key)
}
