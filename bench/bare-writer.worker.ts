/** The bare server's writing thread: whatever waits is one transaction, flushed once, then answered. */
import { parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { openEventLog } from '../src/event-store/embedded-event-log.js'

export type BareRow = readonly [id: string, type: string, data: string, metadata: string]

interface Write {
  readonly id: number
  readonly rows: readonly BareRow[]
}

if (!parentPort) throw new Error('This file is a worker thread.')
const port = parentPort
const log = openEventLog(workerData as string)
const begin = log.prepare('BEGIN IMMEDIATE')
const commit = log.prepare('COMMIT')
const insert = log.prepare<[number, ...BareRow]>(
  'INSERT INTO events (stream_id, revision, id, type, data, metadata) VALUES (1, ?, ?, ?, ?, ?)',
)
log.prepare("INSERT INTO streams (name) VALUES ('usage-bare')").run()
let revision = 0

port.on('message', (first: Write) => {
  const settled: number[] = []
  begin.run()
  for (let write: Write | undefined = first; write; write = next()) {
    for (const row of write.rows) insert.run(++revision, ...row)
    settled.push(write.id)
  }
  commit.run()
  port.postMessage(settled)
})

function next(): Write | undefined {
  return receiveMessageOnPort(port)?.message as Write | undefined
}
