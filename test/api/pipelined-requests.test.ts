/** Requests sent ahead of their answers: so many on a connection, and none of them outlives it. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { FastifyAdapter } from '@nestjs/platform-fastify'
import type { FastifyReply } from 'fastify'
import { once } from 'node:events'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { Readable } from 'node:stream'
import { goneSignal } from '../../src/api/gone-signal.js'
import { LIVE_CONNECTIONS_PER_KEY_MAX } from '../../src/api/live-connections.js'
import { boundPipelining, UNANSWERED_REQUESTS_MAX } from '../../src/api/pipelined-requests.js'
import { bearer, LiveStream } from '../live-stream.js'
import { exchange, rawRequest } from '../raw-http.js'
import { startRunningService, stores, TEST_KEY, type RunningService } from '../running-service.js'

async function pipeline(port: number, requests: string): Promise<Socket> {
  const socket = connect(port, '127.0.0.1')
  await once(socket, 'connect')
  socket.write(requests)
  return socket
}

describe('Requests sent ahead of their answers', () => {
  let service: RunningService
  beforeAll(async () => {
    service = await startRunningService(stores[0])
  })
  afterAll(() => service.close())

  it('are answered, as many as a connection may have under way', async () => {
    const requests = rawRequest('GET', '/v1/billing/meters', [`Authorization: Bearer ${TEST_KEY}`])
    const { answers } = await exchange(service.port, requests.repeat(UNANSWERED_REQUESTS_MAX), {
      answers: UNANSWERED_REQUESTS_MAX,
      deadlineMs: 60_000,
    })
    expect(answers.map(({ status }) => status)).toEqual(Array.from({ length: UNANSWERED_REQUESTS_MAX }, () => 200))
  })

  it('cut their connection off when they are more, and no other', async () => {
    const count = 20 * UNANSWERED_REQUESTS_MAX
    for (const path of ['/healthz', '/docs-json', '/nowhere', '/v1/billing/meters']) {
      const { ended } = await exchange(service.port, rawRequest('GET', path).repeat(count), {
        answers: count,
        deadlineMs: 60_000,
      })
      expect([path, ended]).toEqual([path, 'closed'])
    }
    expect((await fetch(`${service.url}/healthz`)).status).toBe(200)
  })

  it('let go of live connections with their own', async () => {
    const listeners: LiveStream[] = []
    const listen = async (): Promise<number> => {
      const stream = await LiveStream.open(service.url, bearer(TEST_KEY))
      if (stream.status === 200) listeners.push(stream)
      return stream.status
    }
    const half = LIVE_CONNECTIONS_PER_KEY_MAX / 2
    const request = rawRequest('GET', '/meterbook/v1/live', [`Authorization: Bearer ${TEST_KEY}`])
    const socket = await pipeline(service.port, request.repeat(half))
    while ((await listen()) !== 429);
    expect(listeners.length).toBeLessThanOrEqual(half)
    socket.destroy()
    while (listeners.length < LIVE_CONNECTIONS_PER_KEY_MAX) await listen()
    for (const listener of listeners) listener.close()
  })
})

describe('The end of a connection', () => {
  const adapter = new FastifyAdapter()
  const server = adapter.getInstance()
  let waiting: { readonly gone: AbortSignal; readonly reply: FastifyReply }[] = []
  let arrived = (): void => undefined
  beforeAll(async () => {
    server.addHook('onRequest', boundPipelining)
    // Never answered, so that what comes behind it waits in the queue.
    server.get('/', (_request, reply) => {
      waiting.push({ gone: goneSignal(reply), reply })
      arrived()
    })
    await server.listen({ port: 0, host: '127.0.0.1' })
  })
  afterAll(() => server.close())

  async function queued(count: number): Promise<{ readonly socket: Socket; readonly replies: typeof waiting }> {
    waiting = []
    const all = new Promise<void>((resolve) => (arrived = () => waiting.length === count && resolve()))
    const { port } = server.server.address() as AddressInfo
    const socket = await pipeline(port, rawRequest('GET', '/').repeat(count))
    await all
    return { socket, replies: waiting }
  }

  it('ends the work for each of its requests, also those whose turn has not come', async () => {
    const { socket, replies } = await queued(3)
    expect(replies.map(({ gone }) => gone.aborted)).toEqual([false, false, false])
    const ends = replies.map(({ gone }) => once(gone, 'abort'))
    socket.destroy()
    await Promise.all(ends)
    // Whoever comes to ask only now is told so, too.
    expect(replies.map(({ reply }) => goneSignal(reply).aborted)).toEqual([true, true, true])
  })

  it('ends what is streamed to each of them, begun before or after it', async () => {
    const { socket, replies } = await queued(4)
    const bodies = replies.map(() => new Readable({ read: () => undefined }))
    const closed = bodies.map((body) => new Promise((resolve) => body.on('close', resolve)))
    const send = (index: number): unknown => replies[index]?.reply.send(bodies[index])
    send(0)
    send(1)
    const ends = replies.map(({ gone }) => once(gone, 'abort'))
    socket.destroy()
    await Promise.all(ends)
    send(2)
    send(3)
    await Promise.all(closed)
  })
})
