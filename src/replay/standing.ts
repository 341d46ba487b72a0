/** Where the log and the rows made from it stand: what an audit has to know before it can compare them. */
import type { EventStore, Position } from '../event-store/event-store.js'
import { categories } from '../event-store/streams.js'
import type { LedgerName } from '../domain/ledger.js'
import type { Seen } from '../projections/compare-rows.js'
import type { Projection } from '../projections/projection.js'
import type { Checkpoint, ReadModel, RowReader } from '../read-model/read-model.js'
import { meters, usageSeries } from '../read-model/tables.js'

/** Meters looked at at a time. */
const PAGE_METERS = 1_000

/** @throws where rows are of another version, naming the first. */
export async function requireSameSchemas(live: ReadModel, projections: readonly Projection[]): Promise<void> {
  const schemas = await live.schemas()
  for (const { projection, schema } of projections) {
    const found = schemas.get(projection)
    if (found === schema) continue
    throw new Error(
      found === undefined
        ? `The read model has no projection ${projection} yet. Start the service of this version once, then audit.`
        : `The read model's projection ${projection} has schema ${found}; this version makes schema ${schema}. Start the service of this version once, then audit.`,
    )
  }
}

/** Whether the log has more than what was folded. */
export async function goesOn(store: EventStore, { position }: Checkpoint): Promise<boolean> {
  const after = position as Position | null
  for await (const page of store.readAll({ after, categories: Object.values(categories), patience: 'background' })) {
    if (page.length > 0) return true
  }
  return false
}

/** What was already there after an earlier usage event, up to which `folded` was, with what was not yet cancelled. */
export async function asOf(sequence: number, folded: RowReader): Promise<Seen> {
  const [newest] = await folded.range(usageSeries, { reverse: true, limit: 1 })
  const series = newest?.series ?? 0
  return (table, row) => {
    if (table === usageSeries.name) return Number(row.series) <= series ? row : null
    if (Number(row.sequence) > sequence) return null
    return row.cancelledSequence !== null && Number(row.cancelledSequence) > sequence
      ? { ...row, cancelledAt: null, cancelledSequence: null, cancelledRevision: null }
      : row
  }
}

/** Those that have meters, or the one that is asked for. */
export async function ledgersOf(rows: RowReader, only: LedgerName | null): Promise<LedgerName[]> {
  if (only !== null) return [only]
  const found: LedgerName[] = []
  for (let after = 0; ;) {
    const page = await rows.range(meters, { from: after, limit: PAGE_METERS })
    for (const { ledger } of page) if (!found.includes(ledger as LedgerName)) found.push(ledger as LedgerName)
    const last = page.at(-1)
    if (!last) return found.sort()
    after = last.number + 1
  }
}

/** null where the whole is not known. */
export function fractionOf(done: number, wanted: number): number | null {
  return wanted === 0 ? null : Math.min(done / wanted, 1)
}
