/** Rows that are not what the log gives, each with both. */
import { usePageTexts } from '../language.js'
import type { RowDifference } from './answers.js'
import { systemTexts } from './texts.js'

export function Differences({ differences }: { readonly differences: readonly RowDifference[] }) {
  const pageTexts = usePageTexts(systemTexts)
  if (differences.length === 0) return null
  return (
    <ul className="findings">
      {differences.map(({ table, key, expected, found }) => (
        <li key={`${table} ${JSON.stringify(key)}`}>
          <h4>
            <code>{table}</code>
          </h4>
          <dl>
            <dt>{pageTexts.key}</dt>
            <dd>
              <code>{JSON.stringify(key)}</code>
            </dd>
            <dt>{pageTexts.expected}</dt>
            <dd>{expected === null ? pageTexts.noRow : <code>{JSON.stringify(expected)}</code>}</dd>
            <dt>{pageTexts.found}</dt>
            <dd>{found === null ? pageTexts.noRow : <code>{JSON.stringify(found)}</code>}</dd>
          </dl>
        </li>
      ))}
    </ul>
  )
}
