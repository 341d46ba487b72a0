/** How many were refused for each reason, and how many of them still wait. A reason can be chosen. */
import { Button } from 'react-aria-components'
import { useNumberFormat, usePageTexts } from '../language.js'
import type { RejectionCounts } from './answers.js'
import { rejectionTexts } from './texts.js'
import { ofNumbers, ofSentences, ScrolledTable } from '../scrolled-table.js'

interface Props {
  readonly counts: RejectionCounts
  readonly chosen: string
  readonly onChoose: (code: string) => void
}

export function CodeCounts({ counts, chosen, onChoose }: Props) {
  const pageTexts = usePageTexts(rejectionTexts)
  const format = useNumberFormat()
  return (
    <ScrolledTable
      label={pageTexts.counts}
      columns={[
        pageTexts.code,
        ofSentences(pageTexts.meaning),
        ofNumbers(pageTexts.refused),
        ofNumbers(pageTexts.statuses.open),
        ofNumbers(pageTexts.statuses.resolved),
      ]}
    >
      <tbody>
        {counts.codes.map(({ code, error_count, open_count, resolved_count }) => (
          <tr key={code}>
            <th scope="row">
              <Button
                className="button button-quiet code-button"
                aria-pressed={code === chosen}
                onPress={() => onChoose(code === chosen ? '' : code)}
              >
                <code>{code}</code>
              </Button>
            </th>
            <td>{pageTexts.meaningOf(code)}</td>
            <td className="number">{format(error_count)}</td>
            <td className="number">{format(open_count)}</td>
            <td className="number">{format(resolved_count)}</td>
          </tr>
        ))}
      </tbody>
      <tfoot>
        <tr className="total-row">
          <th scope="row">{pageTexts.total}</th>
          <td></td>
          <td className="number">{format(counts.error_count)}</td>
          <td className="number">{format(counts.open_count)}</td>
          <td className="number">{format(counts.resolved_count)}</td>
        </tr>
      </tfoot>
    </ScrolledTable>
  )
}
