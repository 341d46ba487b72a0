/** Whether an answer was taken, as it is told of each request. */
import { afterAll, beforeAll, beforeEach, expect, it } from '@jest/globals'
import { FastifyAdapter } from '@nestjs/platform-fastify'
import { EventEmitter, once } from 'node:events'
import { connect, type AddressInfo } from 'node:net'
import { AnsweredRequests, CLIENT_GONE } from '../../src/api/answered-requests.js'
import { exchange, rawRequest } from '../raw-http.js'

/** More than the system takes for a client that does not read. */
const large = 'x'.repeat(30 * 1024 * 1024)

const server = new FastifyAdapter().getInstance()
const told = new EventEmitter<{ told: [string] }>()
let all: string[]

beforeAll(async () => {
  const answered = new AnsweredRequests()
  answered.tell((method, route, status) => {
    const request = `${method} ${route} ${status}`
    all.push(request)
    told.emit('told', request)
  })
  server.addHook('onRequest', answered.follow)
  server.get('/large', (_request, reply) => reply.send(large))
  server.get('/short', (_request, reply) => reply.send('short'))
  await server.listen({ port: 0, host: '127.0.0.1' })
})
beforeEach(() => {
  all = []
})
afterAll(() => server.close())

const port = (): number => (server.server.address() as AddressInfo).port

it('An answer that was taken is told with its status, also where its connection ends with it', async () => {
  const first = once(told, 'told')
  const response = await fetch(`http://127.0.0.1:${port()}/large`)
  expect((await response.arrayBuffer()).byteLength).toBe(large.length)
  await first
  const requests = [
    rawRequest('HEAD', '/short'),
    rawRequest('GET', '/short', ['Connection: close']),
    rawRequest('GET', '/short').replace('HTTP/1.1', 'HTTP/1.0'),
  ]
  for (const request of requests) {
    const next = once(told, 'told')
    await exchange(port(), request, { isHead: request.startsWith('HEAD') })
    await next
  }
  expect(all).toEqual(['GET /large 200', 'HEAD /short 200', 'GET /short 200', 'GET /short 200'])
})

it.each(['destroy', 'resetAndDestroy'] as const)(
  'An answer that was begun and whose client went away before it had all of it is told as such: %s',
  async (leave) => {
    const next = once(told, 'told')
    const client = connect(port(), '127.0.0.1')
    client.on('error', () => undefined)
    client.write(rawRequest('GET', '/large'))
    await once(client, 'readable')
    client[leave]()
    expect(await next).toEqual([`GET /large ${CLIENT_GONE}`])
  },
)

it('An answer that the service cuts off is told as such', async () => {
  const accepted = once(server.server, 'connection')
  const next = once(told, 'told')
  const client = connect(port(), '127.0.0.1')
  client.on('error', () => undefined)
  client.write(rawRequest('GET', '/large'))
  const [theirs] = (await accepted) as [ReturnType<typeof connect>]
  await once(client, 'readable')
  theirs.destroy()
  expect(await next).toEqual([`GET /large ${CLIENT_GONE}`])
  client.destroy()
})
