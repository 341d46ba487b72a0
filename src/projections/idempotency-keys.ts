/**
 * Which event each idempotency key caused, so that a retried request finds its first answer, also after a crash.
 * A key is kept until one is `IDEMPOTENCY_KEPT_MS` newer: no clock decides what a rebuild contains, and neither does where
 * batches are cut.
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
    const keyed = events.flatMap((projected) => keyOf(projected) ?? [])
    if (keyed.length === 0) return
    const [newest] = await rows.range(idempotencyKeys, { index: 'recorded', reverse: true, limit: 1 })
    let latest = newest?.recordedAt ?? 0
    const kept = new Map<string, IdempotencyKeyRow>()
    const found = await rows.get(
      idempotencyKeys,
      keyed.map(({ ledger, idempotencyKey }) => [ledger, idempotencyKey]),
    )
    for (const row of found) if (row) kept.set(nameOf(row), row)
    const added = new Map<string, IdempotencyKeyRow>()
    for (const row of keyed) {
      const oldest = Math.max(latest, row.recordedAt) - IDEMPOTENCY_KEPT_MS
      const first = kept.get(nameOf(row))
      // The first event of a key is the answer of that key; a later one would be a mistake and is not believed.
      if (first && first.recordedAt >= oldest) continue
      // Where the clock was once far ahead, what came after it was set right is no older for that.
      const known = row.recordedAt < oldest ? { ...row, recordedAt: latest } : row
      latest = Math.max(latest, row.recordedAt)
      kept.set(nameOf(row), known)
      added.set(nameOf(row), known)
    }
    await rows.put(idempotencyKeys, [...added.values()])
    await rows.deleteBelow(idempotencyKeys, 'recordedAt', latest - IDEMPOTENCY_KEPT_MS)
  },
}

function nameOf({ ledger, idempotencyKey }: IdempotencyKeyRow): string {
  return `${ledger} ${idempotencyKey}`
}

function keyOf(projected: ProjectedEvent): IdempotencyKeyRow | null {
  const recordedAt = recordedAtOf(projected)
  const { idempotencyKey, requestHash = '' } = projected.metadata
  if (recordedAt === null || idempotencyKey === undefined) return null
  const { stream, revision } = projected
  return { ledger: ledgerOf(stream), idempotencyKey, requestHash, stream, revision, recordedAt }
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
