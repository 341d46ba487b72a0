/**
 * Which event each idempotency key caused, so that a retried request finds its first answer, also after a crash.
 * Keys are kept for `IDEMPOTENCY_KEPT_MS` of the log's own time: no clock decides what a rebuild contains.
 */
import { HOUR_MS } from '../domain/time-bucket.js'
import { ledgerOf } from '../event-store/streams.js'
import { idempotencyKeys, type IdempotencyKeyRow } from '../read-model/tables.js'
import type { ProjectedEvent, Projection } from './projection.js'

/** At least 24 hours are promised; a little more forgives clocks that differ. */
export const IDEMPOTENCY_KEPT_MS = 25 * HOUR_MS

export const idempotencyKeysProjection: Projection = {
  projection: 'idempotency-keys',
  schema: 1,
  tables: [idempotencyKeys],

  async apply(events, rows) {
    const known: IdempotencyKeyRow[] = []
    let latest = 0
    for (const projected of events) {
      const recordedAt = recordedAtOf(projected)
      if (recordedAt === null) continue
      latest = Math.max(latest, recordedAt)
      const { idempotencyKey, requestHash = '' } = projected.metadata
      if (idempotencyKey === undefined) continue
      const { stream, revision } = projected
      known.push({ ledger: ledgerOf(stream), idempotencyKey, requestHash, stream, revision, recordedAt })
    }
    // The first event of a key is the answer of that key; a later one would be a mistake and is not believed.
    await rows.insertNew(idempotencyKeys, known)
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
