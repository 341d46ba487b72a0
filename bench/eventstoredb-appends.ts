/** Appends to EventStoreDB, through the adapter or with the client alone; answers events a second. */
import { EventStoreDBClient, jsonEvent, NO_STREAM } from '@eventstore/db-client'
import { randomUUID } from 'node:crypto'
import { EventStoreDbEventStore } from '../src/event-store/eventstoredb-event-store.js'
import type { EventStore, NewEvent } from '../src/event-store/event-store.js'
import { appendBatches, usageBatch } from './append-batches.js'
import { answerWith } from './child.js'
import { APPEND_EVENTS, PARTITIONS } from './settings.js'

export interface AppendQuestion {
  readonly with: 'adapter' | 'client'
  readonly url: string
  readonly appends: number
  /** Each run has streams of its own. */
  readonly run: number
}

let store: EventStore | undefined
let client: EventStoreDBClient | undefined

const log = { info: () => undefined, warn: () => undefined, error: () => undefined }

answerWith(async ({ with: side, url, appends, run }: AppendQuestion): Promise<number> => {
  if (side === 'adapter') {
    store ??= EventStoreDbEventStore.open({ url, log })
    return appendBatches(store, appends, `adapter.${run}`)
  }
  client ??= EventStoreDBClient.connectionString(url)
  return appendWithClient(client, appends, `client.${run}`)
})

async function appendWithClient(using: EventStoreDBClient, appends: number, prefix: string): Promise<number> {
  const each = Math.ceil(appends / PARTITIONS)
  const batches = Array.from({ length: PARTITIONS }, () => Array.from({ length: each }, () => usageBatch(randomUUID)))
  const startedAt = performance.now()
  await Promise.all(
    batches.map(async (batch, partition) => {
      for (let index = 0; index < each; index++) {
        const events = batch[index] as NewEvent[]
        await using.appendToStream(
          `usage-${prefix}.${partition}`,
          events.map(({ id, type, data, metadata }) => jsonEvent({ id, type, data, metadata: { ...metadata } })),
          {
            expectedRevision: index === 0 ? NO_STREAM : BigInt(index * APPEND_EVENTS - 1),
          },
        )
      }
    }),
  )
  return (PARTITIONS * each * APPEND_EVENTS) / ((performance.now() - startedAt) / 1000)
}
