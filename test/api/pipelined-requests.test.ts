/** Requests sent ahead of their answers: so many on a connection, one after the other, and none of them outlives it. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { FastifyAdapter } from '@nestjs/platform-fastify'
import type { FastifyReply } from 'fastify'
import { once } from 'node:events'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { Readable } from 'node:stream'
import { goneSignal } from '../../src/api/gone-signal.js'
import { LIVE_CONNECTIONS_PER_KEY_MAX } from '../../src/api/live-connections.js'
import { inTheirTurn, REQUESTS_AHEAD_MAX, UNANSWERED_REQUESTS_MAX } from '../../src/api/pipelined-requests.js'
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
    // One more than may be, behind an answer that goes on for ever.
    const live = rawRequest('GET', '/meterbook/v1/live', [`Authorization: Bearer ${TEST_KEY}`])
    const oneMore = live + rawRequest('GET', '/healthz').repeat(UNANSWERED_REQUESTS_MAX)
    expect((await exchange(service.port, oneMore, { answers: 2 })).ended).toBe('closed')
    expect((await fetch(`${service.url}/healthz`)).status).toBe(200)
  })

  it('cut connections off where those of all are too many, and are answered again when these are gone', async () => {
    const live = rawRequest('GET', '/meterbook/v1/live', [`Authorization: Bearer ${TEST_KEY}`])
    const ahead = UNANSWERED_REQUESTS_MAX - 2
    const waiting: Socket[] = []
    // Behind an answer that goes on for ever.
    for (let all = 0; all + ahead <= REQUESTS_AHEAD_MAX; all += ahead) {
      const socket = await pipeline(service.port, live + rawRequest('GET', '/healthz').repeat(ahead))
      await once(socket, 'data')
      waiting.push(socket)
    }
    const two = rawRequest('GET', '/healthz').repeat(ahead)
    expect((await exchange(service.port, live + two, { answers: 2 })).ended).toBe('closed')
    expect((await fetch(`${service.url}/healthz`)).status).toBe(200)
    for (const socket of waiting) socket.destroy()
    const again = () => exchange(service.port, two, { answers: ahead })
    while ((await again()).ended !== 'answered');
  })

  it('let go of live connections with their own, and are none before their turn', async () => {
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
    // One has its turn.
    expect(listeners.length).toBe(LIVE_CONNECTIONS_PER_KEY_MAX - 1)
    socket.destroy()
    while (listeners.length < LIVE_CONNECTIONS_PER_KEY_MAX) await listen()
    for (const listener of listeners) listener.close()
  })
})

describe('One connection', () => {
  const adapter = new FastifyAdapter()
  const server = adapter.getInstance()
  interface Begun {
    readonly path: string
    readonly gone: AbortSignal
    readonly reply: FastifyReply
  }
  let port: number
  let begun: Begun[] = []
  let began = (): void => undefined
  beforeAll(async () => {
    server.addHook('onRequest', inTheirTurn)
    // Answered by the test.
    server.get('/:name', ({ url }, reply) => {
      begun.push({ path: url, gone: goneSignal(reply), reply })
      began()
    })
    await server.listen({ port: 0, host: '127.0.0.1' })
    port = (server.server.address() as AddressInfo).port
  })
  afterAll(() => server.close())

  it('has one request under way, and the next once its answer was taken', async () => {
    begun = []
    const names = ['/first', '/second', '/third']
    const socket = await pipeline(port, names.map((name) => rawRequest('GET', name)).join(''))
    for (const name of names) {
      while (begun.at(-1)?.path !== name) await new Promise<void>((resolve) => (began = resolve))
      expect(begun).toHaveLength(names.indexOf(name) + 1)
      void begun.at(-1)?.reply.send(`answer to ${name}`)
      while (!String(await once(socket, 'data')).includes(`answer to ${name}`));
    }
    socket.destroy()
  })

  it.each(['before its answer', 'in the middle of it'])(
    'ends the work on the request whose turn it is, %s, and begins none after it',
    async (when) => {
      begun = []
      const first = new Promise<void>((resolve) => (began = resolve))
      const socket = await pipeline(port, rawRequest('GET', '/same').repeat(3))
      await first
      const [{ gone, reply }] = begun as [Begun]
      const body = new Readable({ read: () => undefined })
      if (when === 'in the middle of it') {
        void reply.send(body)
        body.push('some')
        await once(socket, 'data')
      }
      expect(gone.aborted).toBe(false)
      const ended = once(gone, 'abort')
      const closed = once(body, 'close')
      socket.destroy()
      await ended
      // What is sent only now ends at once.
      if (when === 'before its answer') void reply.send(body)
      await closed
      // Whoever comes to ask only now is told so, too.
      expect(goneSignal(reply).aborted).toBe(true)
      expect(begun).toHaveLength(1)
    },
  )
})
