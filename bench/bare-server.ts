/**
 * The ceiling: the least a program in this language can do to take usage over HTTP and have it on the disk before it
 * answers. Fastify, JSON.parse, the service's own file format, a writing thread with group commit. No keys, no rules, no
 * duplicates looked for, nothing projected.
 */
import Fastify from 'fastify'
import { randomUUID } from 'node:crypto'
import { parse as parseForm } from 'node:querystring'
import { Worker } from 'node:worker_threads'
import type { AddressInfo } from 'node:net'
import { answerWith } from './child.js'
import type { BareRow } from './bare-writer.worker.js'

export type BareQuestion = { readonly type: 'start'; readonly file: string } | { readonly type: 'count' }

const server = Fastify({ logger: false, bodyLimit: 1024 * 1024 })
const settle = new Map<number, () => void>()
let worker: Worker | null = null
let nextId = 1
let written = 0

server.removeAllContentTypeParsers()
server.addContentTypeParser('application/json', { parseAs: 'string' }, (_request, body, done) =>
  done(null, JSON.parse(body as string)),
)
server.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, body, done) =>
  done(null, parseForm(body as string)),
)

server.post('/v2/billing/meter_event_stream', async (request) => {
  const { events } = request.body as { events: object[] }
  await write(events.map((event) => row(event, request.id)))
  return {}
})

server.post('/v1/billing/meter_events', async (request) => {
  await write([row(request.body as object, request.id)])
  return request.body
})

server.get('/bare', () => ({ object: 'list', data: [{ aggregated_value: 1 }], has_more: false }))

function row(event: object, requestId: string): BareRow {
  const metadata = { schema: 1, correlationId: requestId, causationId: requestId, actor: 'key_bare' }
  return [randomUUID(), 'UsageRecorded', JSON.stringify(event), JSON.stringify(metadata)]
}

function write(rows: readonly BareRow[]): Promise<void> {
  return new Promise((resolve) => {
    const id = nextId++
    settle.set(id, resolve)
    written += rows.length
    worker?.postMessage({ id, rows })
  })
}

answerWith(async (question: BareQuestion): Promise<number> => {
  if (question.type === 'count') return written
  worker = new Worker(new URL('./bare-writer.worker.js', import.meta.url), { workerData: question.file })
  worker.on('message', (ids: readonly number[]) => {
    for (const id of ids) {
      settle.get(id)?.()
      settle.delete(id)
    }
  })
  await new Promise((resolve) => worker?.once('online', () => resolve(undefined)))
  await server.listen({ port: 0, host: '127.0.0.1' })
  return (server.server.address() as AddressInfo).port
})
