/** Rows that are not what the log gives: whose they are, and what differs in them. */
import { usePageTexts } from '../language.js'
import { useMeters } from '../meters.js'
import { paths } from '../route.js'
import { ScrolledTable } from '../scrolled-table.js'
import { utcSecond } from '../utc.js'
import type { RowDifference } from './answers.js'
import { systemTexts } from './texts.js'

/** Among the tables: where each projection stands. */
const CHECKPOINTS = 'projections'

export function Differences({ differences }: { readonly differences: readonly RowDifference[] }) {
  if (differences.length === 0) return null
  return (
    <ul className="findings">
      {differences.map((difference) => (
        <li key={`${difference.table} ${JSON.stringify(difference.key)}`}>
          <Difference difference={difference} />
        </li>
      ))}
    </ul>
  )
}

function Difference({ difference }: { readonly difference: RowDifference }) {
  const pageTexts = usePageTexts(systemTexts)
  const { table, key, expected, found } = difference
  if (table === CHECKPOINTS) return pageTexts.checkpointDiffers(String(key.projection))
  if (typeof found?.damage === 'string') {
    return (
      <>
        <code>{table}</code>: {found.damage}
      </>
    )
  }
  const place = Object.entries(key)
    .map(([column, value]) => `${column} ${value}`)
    .join(', ')
  return (
    <>
      <h4>
        <Owner difference={difference} />
      </h4>
      <p>
        <code>{table}</code> <span className="quiet">{place}</span>
      </p>
      {expected === null && <p>{pageTexts.notInLog}</p>}
      {found === null && <p>{pageTexts.notStored}</p>}
      <Columns label={`${table} ${place}`} expected={expected} found={found} />
    </>
  )
}

function Owner({ difference: { meter, customer } }: { readonly difference: RowDifference }) {
  const pageTexts = usePageTexts(systemTexts)
  const meters = useMeters()
  if (meter === null && customer === null) return pageTexts.ofNobody
  const name = meters.data?.meters.find(({ id }) => id === meter)?.display_name ?? meter
  return (
    <>
      {meter !== null && <a href={paths.meter(meter)}>{pageTexts.ofMeter(name ?? meter)}</a>}
      {meter !== null && customer !== null && pageTexts.separator}
      {customer !== null && <a href={paths.customer(customer)}>{pageTexts.ofCustomer(customer)}</a>}
    </>
  )
}

type Sides = Pick<RowDifference, 'expected' | 'found'>

/** Of a row that is on one side only all of it, else what differs. */
function Columns({ label, expected, found }: Sides & { readonly label: string }) {
  const pageTexts = usePageTexts(systemTexts)
  const columns = Object.keys(expected ?? found ?? {}).filter((name) => expected?.[name] !== found?.[name])
  return (
    <ScrolledTable
      label={label}
      columns={[
        pageTexts.column,
        ...(expected === null ? [] : [pageTexts.expected]),
        ...(found === null ? [] : [pageTexts.found]),
      ]}
    >
      <tbody>
        {columns.map((name) => (
          <tr key={name}>
            <th scope="row">
              <code>{name}</code>
            </th>
            {expected !== null && <td>{valueText(name, expected[name])}</td>}
            {found !== null && <td>{valueText(name, found[name])}</td>}
          </tr>
        ))}
      </tbody>
    </ScrolledTable>
  )
}

/** Instants are kept as milliseconds since the epoch. */
const INSTANTS = /At$|^(at|start|latest)$/

function valueText(column: string, value: string | number | null | undefined): string {
  if (value === null || value === undefined) return '–'
  return typeof value === 'number' && INSTANTS.test(column) ? `${value} (${utcSecond(value)} UTC)` : String(value)
}
