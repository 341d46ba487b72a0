/** One row for each event of a meter, with what it changed: a meter's history, which may be as long as people rename it. */
import type { Event } from '../domain/meter-catalogue.js'
import { meterChanges, type MeterChangeRow } from '../read-model/tables.js'
import { neverCreated } from './meters.js'
import type { ProjectedEvent, Projection } from './projection.js'

export const meterChangesProjection: Projection = {
  projection: 'meter-changes',
  schema: 1,
  tables: [meterChanges],

  async apply(events, rows) {
    for (const projected of events) {
      const { event } = projected
      switch (event.type) {
        case 'MeterCreated':
        case 'MeterRenamed':
        case 'MeterDeactivated':
        case 'MeterReactivated': {
          // Read row by row: an event of this very batch may be the one before.
          const prefix = [event.data.meterId]
          const [previous] = await rows.range(meterChanges, { prefix, reverse: true, limit: 1 })
          await rows.put(meterChanges, [changeRow(projected, event, previous)])
          break
        }
        case 'LedgerOpened':
        case 'UsageRecorded':
        case 'UsageCancelled':
        case 'UsageRejected':
        case 'UsageRejectionResolved':
        case 'ApiKeyIssued':
        case 'ApiKeyRevoked':
          break
      }
    }
  },
}

type MeterEvent = Exclude<Event, { type: 'LedgerOpened' }>

function changeRow(projected: ProjectedEvent, event: MeterEvent, previous: MeterChangeRow | undefined): MeterChangeRow {
  const { revision, metadata } = projected
  const previousDisplayName = previous?.displayName ?? null
  const displayName = 'displayName' in event.data ? event.data.displayName : previousDisplayName
  if (displayName === null) throw neverCreated(projected)
  return {
    meterId: event.data.meterId,
    revision,
    type: event.type,
    displayName,
    previousDisplayName,
    at: event.type === 'MeterCreated' ? event.data.createdAt : event.data.at,
    requestId: metadata.correlationId,
    actor: metadata.actor,
  }
}
