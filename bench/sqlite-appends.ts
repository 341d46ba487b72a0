/** Appends to SQLite, through the embedded store or with a prepared statement alone; answers events a second. */
import { randomUUID } from 'node:crypto'
import { join } from 'node:path'
import { openEventLog } from '../src/event-store/embedded-event-log.js'
import { EmbeddedEventStore } from '../src/event-store/embedded-event-store.js'
import { appendBatches, usageBatch } from './append-batches.js'
import { answerWith } from './child.js'
import { APPEND_EVENTS } from './settings.js'

export interface SqliteQuestion {
  readonly with: 'store' | 'plain'
  readonly folder: string
  readonly appends: number
  readonly run: number
}

answerWith(async ({ with: side, folder, appends, run }: SqliteQuestion): Promise<number> => {
  const file = join(folder, `${side}-${run}.db`)
  if (side === 'plain') return appendPlainly(file, appends)
  const store = new EmbeddedEventStore(file)
  try {
    return await appendBatches(store, appends, 'store')
  } finally {
    await store.close()
  }
})

function appendPlainly(file: string, appends: number): number {
  const log = openEventLog(file)
  const batches = Array.from({ length: appends }, () => usageBatch(randomUUID))
  log.prepare("INSERT INTO streams (name) VALUES ('usage-plain')").run()
  const insert = log.prepare<[number, string, string, string, string]>(
    'INSERT INTO events (stream_id, revision, id, type, data, metadata) VALUES (1, ?, ?, ?, ?, ?)',
  )
  let revision = 0
  const startedAt = performance.now()
  for (const batch of batches) {
    log.transaction(() => {
      for (const { id, type, data, metadata } of batch) {
        insert.run(++revision, id, type, JSON.stringify(data), JSON.stringify(metadata))
      }
    })()
  }
  const seconds = (performance.now() - startedAt) / 1000
  log.close()
  return (appends * APPEND_EVENTS) / seconds
}
