/** A meter as it stood at a moment of the past: its name and status may have been others, the rest never changes. */
import { DomainError } from '../domain/errors.js'
import type { Meter } from '../domain/meter-catalogue.js'
import type { LedgerName } from '../domain/ledger.js'
import type { EventStore } from '../event-store/event-store.js'
import { metersStream } from '../event-store/streams.js'
import { toMeter } from '../projections/meters.js'
import type { RowReader } from '../read-model/read-model.js'
import { meterChanges, type MeterChangeRow } from '../read-model/tables.js'
import type { AsOf } from './as-of.js'
import { readEvent } from './read-event.js'
import { requireMeter, type Reader } from './reader.js'

/** Changes of a meter read at a time, newest first. */
const CHANGES_PER_READ = 100

/**
 * null where no moment is asked for: it is as its row says. The log may be asked, so not to be called in a snapshot.
 *
 * @throws DomainError `resource_missing` for one that is unknown, and where it did not exist yet; EventStoreUnavailable.
 */
export async function meterAsOf(
  { rows, store }: Reader,
  ledger: LedgerName,
  meterId: string,
  then: AsOf | null,
  param = 'id',
): Promise<Meter | null> {
  if (then === null) return null
  const meter = toMeter(await requireMeter(rows, ledger, meterId, param))
  const found = await lastChanged(rows, meter, (change) => hadHappened(store, ledger, change, then))
  if (found) return found
  throw new DomainError('resource_missing', `No such meter: '${meterId}' had not been created then.`, param)
}

/** The same of a meter that had usage by then, so that it had been created, whatever a clock that was set back says. */
export async function usedMeterAsOf(
  { rows, store }: Reader,
  ledger: LedgerName,
  meter: Meter,
  then: AsOf,
): Promise<Meter> {
  const found = await lastChanged(
    rows,
    meter,
    async (change) => change.type === 'MeterCreated' || hadHappened(store, ledger, change, then),
  )
  return found ?? meter
}

/** By the newest change that had happened; null: none had. */
async function lastChanged(
  rows: RowReader,
  meter: Meter,
  hadHappened: (change: MeterChangeRow) => Promise<boolean>,
): Promise<Meter | null> {
  let last: MeterChangeRow | null = null
  for await (const change of changesBackwards(rows, meter.id)) {
    if (last === null && !(await hadHappened(change))) continue
    last ??= change
    // The newest of these says whether it was active; all before it no longer matter.
    if (change.type !== 'MeterRenamed') return asChanged(meter, last, change)
  }
  return null
}

function asChanged(meter: Meter, last: MeterChangeRow, status: MeterChangeRow): Meter {
  const isInactive = status.type === 'MeterDeactivated'
  return {
    ...meter,
    displayName: last.displayName,
    status: isInactive ? 'inactive' : 'active',
    updatedAt: last.at,
    deactivatedAt: isInactive ? status.at : null,
  }
}

async function* changesBackwards(rows: RowReader, meterId: string): AsyncGenerator<MeterChangeRow> {
  let to = Number.MAX_SAFE_INTEGER
  for (;;) {
    const page = await rows.range(meterChanges, { prefix: [meterId], to, reverse: true, limit: CHANGES_PER_READ })
    yield* page
    const last = page.at(-1)
    if (!last || page.length < CHANGES_PER_READ) return
    to = last.revision
  }
}

async function hadHappened(
  store: EventStore,
  ledger: LedgerName,
  { revision, at }: MeterChangeRow,
  then: AsOf,
): Promise<boolean> {
  if (then.until === null) return at <= then.at
  const { recorded } = await readEvent(store, { stream: metersStream(ledger), revision })
  return store.comparePositions(recorded.position, then.until) <= 0
}
