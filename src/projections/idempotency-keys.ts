/**
 * Which event each idempotency key caused, so that a retried request finds its first answer, also after a crash.
 * Keys are kept for `IDEMPOTENCY_KEPT_MS` of the log's own time: no clock decides what a rebuild contains.
 */
import { HOUR_MS } from '../domain/time-bucket.js'
import { ledgerOf } from '../event-store/streams.js'
import { idempotencyClock, idempotencyKeys, type IdempotencyKeyRow } from '../read-model/tables.js'
import type { ProjectedEvent, Projection } from './projection.js'

/** At least 24 hours are promised; a little more forgives clocks that differ. */
export const IDEMPOTENCY_KEPT_MS = 25 * HOUR_MS

export const idempotencyKeysProjection: Projection = {
  projection: 'idempotency-keys',
  schema: 1,
  tables: [idempotencyKeys, idempotencyClock],

  async apply(events, rows) {
    const found = await rows.get(
      idempotencyKeys,
      events.map(({ stream, metadata }) => [ledgerOf(stream), metadata.idempotencyKey ?? '']),
    )
    const [clock] = await rows.get(idempotencyClock, [[1]])
    let latest = clock?.latest ?? 0
    const kept = new Map<string, IdempotencyKeyRow>()
    events.forEach((projected, index) => {
      const recordedAt = recordedAtOf(projected)
      if (recordedAt === null) return
      latest = Math.max(latest, recordedAt)
      const { idempotencyKey, requestHash = '' } = projected.metadata
      if (idempotencyKey === undefined) return
      const { stream, revision } = projected
      const ledger = ledgerOf(stream)
      const known = kept.get(`${ledger} ${idempotencyKey}`) ?? found[index]
      // The first event of a key is its answer, until the key has grown old and may be used for another request.
      if (known && known.recordedAt >= latest - IDEMPOTENCY_KEPT_MS) return
      kept.set(`${ledger} ${idempotencyKey}`, { ledger, idempotencyKey, requestHash, stream, revision, recordedAt })
    })
    if (latest === (clock?.latest ?? 0) && kept.size === 0) return
    await rows.put(idempotencyKeys, [...kept.values()])
    await rows.put(idempotencyClock, [{ number: 1, latest }])
    await rows.deleteBelow(idempotencyKeys, 'recordedAt', latest - IDEMPOTENCY_KEPT_MS)
  },
}

function recordedAtOf({ event }: ProjectedEvent): number | null {
  switch (event.type) {
    case 'LedgerOpened':
    case 'MeterRenamed':
    case 'MeterDeactivated':
    case 'MeterReactivated':
      return event.data.at
    case 'MeterCreated':
      return event.data.createdAt
    case 'UsageRecorded':
      return event.data.recordedAt
    case 'UsageCancelled':
      return event.data.cancelledAt
    case 'UsageRejected':
    case 'UsageRejectionResolved':
    case 'ApiKeyIssued':
    case 'ApiKeyRevoked':
      return null
  }
}
