/** Micro-batches as the usage ledger makes them: one append of a stream under way, several streams at once. */
import { randomUUID } from 'node:crypto'
import type { EventStore, NewEvent } from '../src/event-store/event-store.js'
import { APPEND_EVENTS, PARTITIONS } from './settings.js'

export function usageBatch(newId: () => string): NewEvent[] {
  return Array.from({ length: APPEND_EVENTS }, (_, index) => ({
    id: newId(),
    type: 'UsageRecorded',
    data: {
      meterId: 'mtr_test_benchmark',
      identifier: newId(),
      customer: `cus_${String(index).padStart(6, '0')}`,
      value: String(index),
      occurredAt: 1_790_000_000_000 + index,
      recordedAt: 1_790_000_000_500 + index,
      payload: {},
    },
    metadata: {
      schema: 1,
      correlationId: 'req_benchmark0001',
      causationId: 'req_benchmark0001',
      actor: 'key_benchmark',
    },
  }))
}

/** Events a second. */
export async function appendBatches(store: EventStore, appends: number, prefix: string): Promise<number> {
  const each = Math.ceil(appends / PARTITIONS)
  const batches = Array.from({ length: PARTITIONS }, () => Array.from({ length: each }, () => usageBatch(randomUUID)))
  const startedAt = performance.now()
  await Promise.all(
    batches.map(async (batch, partition) => {
      for (let index = 0; index < each; index++) {
        const append = {
          stream: `usage-${prefix}.${partition}`,
          expectedRevision: index * APPEND_EVENTS,
          events: batch[index] as NewEvent[],
        }
        const [outcome] = await store.append([append])
        if (outcome?.status !== 'appended') throw new Error(`An append was ${outcome?.status}.`)
      }
    }),
  )
  return (PARTITIONS * each * APPEND_EVENTS) / ((performance.now() - startedAt) / 1000)
}
