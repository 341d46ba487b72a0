/**
 * What a batch did to usage records, handed from the usage index to the cells so that rows just written are not read back.
 * It is only a shortcut: cells that are built by themselves, or from another checkpoint, find the same changes in the rows.
 */
import type { Meter } from '../domain/meter-catalogue.js'
import type { RowReader } from '../read-model/read-model.js'
import { meters, usageRecords, type MeterRow, type UsageRecordRow } from '../read-model/tables.js'
import { toMeter } from './meters.js'
import type { ProjectedEvent } from './projection.js'

/** A usage event with the row it made or changed. */
export interface UsageChange {
  readonly type: 'recorded' | 'cancelled'
  readonly sequence: number
  readonly row: UsageRecordRow
}

/** Holds the changes of one batch: the last one the index folded. */
export class UsageChanges {
  private batch: readonly ProjectedEvent[] | null = null
  private changes: readonly UsageChange[] = []

  set(batch: readonly ProjectedEvent[], changes: readonly UsageChange[]): void {
    this.batch = batch
    this.changes = changes
  }

  /** null where the index did not fold this very batch. */
  of(batch: readonly ProjectedEvent[]): readonly UsageChange[] | null {
    return batch === this.batch ? this.changes : null
  }
}

/** A meter as usage is folded by it. None of it ever changes. */
export interface FoldedMeter extends Pick<Meter, 'id' | 'formula' | 'eventTimeWindow' | 'dimensionKeys'> {
  readonly number: number
}

/** Meters remembered between batches; usually all there are. */
const METERS_REMEMBERED_MAX = 10_000

/** Looks meters up once. To be forgotten when a batch is not committed, because its meters may then have other numbers. */
export class FoldedMeters {
  private readonly byId = new Map<string, FoldedMeter>()
  private readonly byNumber = new Map<number, FoldedMeter>()

  /** In the answer are at least those asked for that exist. */
  async ofIds(ids: ReadonlySet<string>, rows: RowReader): Promise<ReadonlyMap<string, FoldedMeter>> {
    this.makeRoom(ids.size)
    const missing = [...ids].filter((id) => !this.byId.has(id)).map((id) => [id])
    if (missing.length > 0) this.remember(await rows.get(meters, missing, 'meterId'))
    return this.byId
  }

  /** In the answer are at least those asked for that exist. */
  async ofNumbers(numbers: ReadonlySet<number>, rows: RowReader): Promise<ReadonlyMap<number, FoldedMeter>> {
    this.makeRoom(numbers.size)
    const missing = [...numbers].filter((number) => !this.byNumber.has(number)).map((number) => [number])
    if (missing.length > 0) this.remember(await rows.get(meters, missing))
    return this.byNumber
  }

  forget(): void {
    this.byId.clear()
    this.byNumber.clear()
  }

  private makeRoom(meterCount: number): void {
    if (this.byId.size + meterCount > METERS_REMEMBERED_MAX) this.forget()
  }

  private remember(found: readonly (MeterRow | undefined)[]): void {
    for (const row of found) {
      if (!row) continue
      const meter = { ...toMeter(row), number: row.number }
      this.byId.set(meter.id, meter)
      this.byNumber.set(meter.number, meter)
    }
  }
}

/**
 * Of usage events that are in the rows already, however many others stand between them. Leaves out what the index did not
 * take: a second record or cancellation of the same identifier.
 */
export async function findChanges(
  events: readonly ProjectedEvent[],
  meters: FoldedMeters,
  rows: RowReader,
): Promise<UsageChange[]> {
  const usage = events.filter(({ event }) => event.type === 'UsageRecorded' || event.type === 'UsageCancelled')
  if (usage.length === 0) return []
  const found = new Map<number, UsageRecordRow>()
  // Usage events are numbered without a gap, so their rows are one run of the table.
  const from = usage[0]?.sequence ?? 0
  const to = (usage.at(-1)?.sequence ?? 0) + 1
  const own = await rows.range(usageRecords, { from, to, limit: to - from })
  for (const row of own) found.set(row.sequence, row)
  for (const [sequence, row] of await findCancelled(usage, meters, rows)) found.set(sequence, row)
  const changes: UsageChange[] = []
  for (const { sequence, event } of usage) {
    const row = found.get(sequence)
    if (row) changes.push({ type: event.type === 'UsageRecorded' ? 'recorded' : 'cancelled', sequence, row })
  }
  return changes
}

/** The records that were cancelled, by the sequence of their cancellation. */
async function findCancelled(
  usage: readonly ProjectedEvent[],
  meters: FoldedMeters,
  rows: RowReader,
): Promise<[number, UsageRecordRow][]> {
  const cancelled = usage.flatMap(({ sequence, event }) =>
    event.type === 'UsageCancelled' ? [{ sequence, record: event.data }] : [],
  )
  const byId = await meters.ofIds(new Set(cancelled.map(({ record }) => record.meterId)), rows)
  const found = await rows.get(
    usageRecords,
    cancelled.map(({ record }) => [byId.get(record.meterId)?.number ?? null, record.identifier]),
    'identifier',
  )
  return cancelled.flatMap(({ sequence }, index): [number, UsageRecordRow][] => {
    const row = found[index]
    return row?.cancelledSequence === sequence ? [[sequence, row]] : []
  })
}
