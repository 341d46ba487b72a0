/** What differs between the rows and the log, a line for each: as audits and rebuilds print it. */
import { CHECKPOINTS } from '../projections/rebuilding.js'
import type { OwnedDifference } from '../replay/projection-states.js'

export function differenceLine({ table, key, expected, found, meterId, customer }: OwnedDifference): string {
  if (table === CHECKPOINTS) return checkpointLine(String(key.projection), expected, found)
  if (typeof found?.damage === 'string') return storageLine('rows', `${table}: ${found.damage}`)
  const of = [meterId && `meter ${meterId}`, customer && `customer ${JSON.stringify(customer)}`].filter(Boolean)
  const about = of.length > 0 ? ` (${of.join(', ')})` : ''
  const row = `${table} ${JSON.stringify(key)}${about}`
  if (!expected) return `${row}: expected no row, found ${JSON.stringify(found)}`
  if (!found) return `${row}: expected ${JSON.stringify(expected)}, found no row`
  const columns = Object.keys(expected).filter((column) => expected[column] !== found[column])
  const changes = columns.map(
    (column) => `${column} expected ${JSON.stringify(expected[column])}, found ${JSON.stringify(found[column])}`,
  )
  return `${row}: ${changes.join('; ')}`
}

export function checkpointLine(projection: string, expected: object | null, found: object | null): string {
  return `checkpoint of ${projection}: expected ${JSON.stringify(expected)}, found ${JSON.stringify(found)}`
}

/** Of how the rows or the log are kept, whatever they say. */
export function storageLine(of: 'rows' | 'log', message: string): string {
  return `storage of the ${of}: ${message}`
}
