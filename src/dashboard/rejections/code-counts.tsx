/** How many were refused for each reason, and how many of them still wait. A reason can be chosen. */
import { Button } from 'react-aria-components'
import { useNumberFormat, usePageTexts } from '../language.js'
import type { RejectionCounts } from './answers.js'
import { rejectionTexts } from './texts.js'

interface Props {
  readonly counts: RejectionCounts
  readonly chosen: string
  readonly onChoose: (code: string) => void
}

export function CodeCounts({ counts, chosen, onChoose }: Props) {
  const pageTexts = usePageTexts(rejectionTexts)
  const format = useNumberFormat()
  return (
    <div className="scroll" tabIndex={0} role="region" aria-label={pageTexts.counts}>
      <table>
        <thead>
          <tr>
            <th scope="col">{pageTexts.code}</th>
            <th scope="col">{pageTexts.meaning}</th>
            <th scope="col" className="number">
              {pageTexts.refused}
            </th>
            <th scope="col" className="number">
              {pageTexts.statuses.open}
            </th>
            <th scope="col" className="number">
              {pageTexts.statuses.resolved}
            </th>
          </tr>
        </thead>
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
      </table>
    </div>
  )
}
