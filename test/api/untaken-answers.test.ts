/** Answers that their clients do not take: not for ever, and not more of them than the memory is to hold. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { FastifyAdapter } from '@nestjs/platform-fastify'
import type { FastifyReply } from 'fastify'
import { once } from 'node:events'
import { connect, type AddressInfo, type Socket } from 'node:net'
import { Readable } from 'node:stream'
import { UNTAKEN_BYTES_MAX, UntakenAnswers } from '../../src/api/untaken-answers.js'
import { rawRequest } from '../raw-http.js'

/** More than the system takes for a client that does not read, and a bit less than half of what may wait. */
const LARGE_BYTES = 30 * 1024 * 1024
/** Of three bytes a character: it is they that are held. */
const large = '客'.repeat(LARGE_BYTES / 3)

function serverWith(untakenMs: number) {
  const server = new FastifyAdapter().getInstance()
  const silent: FastifyReply[] = []
  server.addHook('onSend', new UntakenAnswers(server.server, { untakenMs, lookIntervalMs: untakenMs / 4 }).count)
  server.get('/large', (_request, reply) => reply.send(large))
  server.get('/endless', (_request, reply) => {
    const body = new Readable({ read: () => undefined })
    body.push(large)
    return reply.send(body)
  })
  server.get('/silent', (_request, reply) => void silent.push(reply))
  return {
    server,
    /** Requests that are worked on until the test answers them. */
    silent,
    listen: () => server.listen({ port: 0, host: '127.0.0.1' }),
    get port() {
      return (server.server.address() as AddressInfo).port
    },
  }
}

/** A client that asks and does not read; resolves with the other end of its connection. */
async function askUnread(
  { server, port }: ReturnType<typeof serverWith>,
  path = '/large',
): Promise<{ mine: Socket; theirs: Socket }> {
  const accepted = once(server.server, 'connection') as Promise<[Socket]>
  const mine = connect(port, '127.0.0.1').pause()
  mine.on('error', () => undefined)
  const [theirs] = await accepted
  mine.write(rawRequest('GET', path))
  return { mine, theirs }
}

async function bytesRead(port: number): Promise<number> {
  const response = await fetch(`http://127.0.0.1:${port}/large`)
  return (await response.arrayBuffer()).byteLength
}

describe('A client that takes nothing of its answer for long', () => {
  // Longer than a busy machine keeps a client from reading that wants to.
  const UNTAKEN_MS = 1_500
  const http = serverWith(UNTAKEN_MS)
  beforeAll(() => http.listen())
  afterAll(() => http.server.close())

  it('is cut off, and neither who reads nor who waits for an answer', async () => {
    const waiting = fetch(`http://127.0.0.1:${http.port}/silent`)
    while (http.silent.length === 0) await new Promise((resolve) => setImmediate(resolve))
    for (let round = 0; round < 3; round++) {
      const { mine, theirs } = await askUnread(http)
      const cutOff = once(theirs, 'close')
      expect(await bytesRead(http.port)).toBe(LARGE_BYTES)
      await cutOff
      mine.destroy()
    }
    void http.silent[0]?.send('at last')
    expect(await (await waiting).text()).toBe('at last')
  })

  it('may wait as long as it likes for more once it took what there was', async () => {
    const { mine, theirs } = await askUnread(http, '/endless')
    const until = async (timeout: number): Promise<void> => {
      while (theirs.timeout !== timeout) {
        expect(theirs.destroyed).toBe(false)
        await new Promise((resolve) => setImmediate(resolve))
      }
    }
    await until(UNTAKEN_MS)
    mine.resume()
    await until(0)
    mine.destroy()
  })
})

describe('Answers that wait for their clients', () => {
  const http = serverWith(60_000)
  beforeAll(() => http.listen())
  afterAll(() => http.server.close())

  it('are cut off, the oldest first, where all together are too large', async () => {
    const clients: Socket[] = []
    const oldest: Socket[] = []
    for (let bytes = 0; bytes + LARGE_BYTES <= UNTAKEN_BYTES_MAX; bytes += LARGE_BYTES) {
      const { mine, theirs } = await askUnread(http)
      while (theirs.writableLength === 0) await new Promise((resolve) => setImmediate(resolve))
      clients.push(mine)
      oldest.push(theirs)
    }
    for (const each of oldest) {
      const cutOff = once(each, 'close')
      const { mine } = await askUnread(http)
      clients.push(mine)
      await cutOff
      expect(oldest.slice(oldest.indexOf(each) + 1).map(({ destroyed }) => destroyed)).not.toContain(true)
    }
    // What was taken counts no more.
    for (const each of clients) each.destroy()
    for (let round = 0; round < 4; round++) expect(await bytesRead(http.port)).toBe(LARGE_BYTES)
  })
})
