/** Which bodies count as in hand, and for how long. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { FastifyAdapter } from '@nestjs/platform-fastify'
import type { FastifyReply } from 'fastify'
import { once } from 'node:events'
import { connect, type AddressInfo, type Socket } from 'node:net'
import {
  BODIES_BYTES_MAX,
  BodiesInHand,
  BODY_BYTES_MAX,
  LEDGER_BODIES_BYTES_MAX,
} from '../../src/api/bodies-in-hand.js'
import type { LedgerName } from '../../src/domain/ledger.js'
import { useBodyParsers } from '../../src/api/stripe/body-parsers.js'
import { rawRequest } from '../raw-http.js'

const JSON_TYPE = 'Content-Type: application/json'

describe('Bodies in hand', () => {
  const server = new FastifyAdapter({ bodyLimit: BODY_BYTES_MAX }).getInstance()
  const bodies = new BodiesInHand()
  let port: number
  let arrived = (): void => undefined
  const waiting: FastifyReply[] = []
  beforeAll(async () => {
    // As a key may be looked up for longer than its client stays.
    server.addHook('onRequest', async ({ url }, { raw }) => {
      if (url !== '/leaves') return
      arrived()
      await once(raw, 'close')
    })
    server.addHook('onRequest', (request, _reply, done) => {
      const { 'x-ledger': ledger } = request.headers
      if (typeof ledger === 'string') {
        request.caller = { ledger: ledger as LedgerName, keyId: 'key_1', role: 'secret', hasSession: false }
      }
      done()
    })
    server.addHook('onRequest', bodies.take)
    server.addHook('onSend', bodies.release)
    useBodyParsers(server)
    server.post('/stays', () => 'taken')
    server.post('/waits', (_request, reply) => {
      waiting.push(reply)
      arrived()
    })
    await server.listen({ port: 0, host: '127.0.0.1' })
    port = (server.server.address() as AddressInfo).port
  })
  afterAll(() => server.close())

  it('are none of clients that left before they were looked at', async () => {
    const request = rawRequest('POST', '/leaves', [JSON_TYPE], '{}'.padEnd(BODY_BYTES_MAX))
    for (let taken = 0; taken < LEDGER_BODIES_BYTES_MAX; taken += BODY_BYTES_MAX) {
      const socket = connect(port, '127.0.0.1')
      const hasArrived = new Promise<void>((resolve) => (arrived = resolve))
      socket.write(request.slice(0, 1000))
      await hasArrived
      socket.destroy()
    }
    const headers = { 'content-type': 'application/json' }
    const body = '{}'.padEnd(BODY_BYTES_MAX)
    const { status } = await fetch(`http://127.0.0.1:${port}/stays`, { method: 'POST', headers, body })
    expect(status).toBe(200)
  })

  it('are as long as they were, once those have arrived that did not say how long they are', async () => {
    const sockets: Socket[] = []
    for (let taken = 0; taken <= LEDGER_BODIES_BYTES_MAX; taken += BODY_BYTES_MAX) {
      const socket = connect(port, '127.0.0.1')
      sockets.push(socket)
      const answered = once(socket, 'data')
      const hasArrived = new Promise<void>((resolve) => (arrived = resolve))
      const head = ['POST /waits HTTP/1.1', 'Host: x', JSON_TYPE, 'Transfer-Encoding: chunked']
      socket.write(`${head.join('\r\n')}\r\n\r\n2\r\n{}\r\n0\r\n\r\n`)
      // Or it is refused.
      expect(await Promise.race([hasArrived, answered.then(String)])).toBe(undefined)
    }
    for (const reply of waiting) void reply.send('taken')
    for (const socket of sockets) socket.destroy()
  })

  it('are so many of one ledger, so many of all, and none of who is gone', async () => {
    const sockets: Socket[] = []
    const begin = (ledger: string): Socket => {
      const socket = connect(port, '127.0.0.1')
      sockets.push(socket)
      const head = ['POST /stays HTTP/1.1', 'Host: x', JSON_TYPE, `X-Ledger: ${ledger}`]
      socket.write(`${head.join('\r\n')}\r\nContent-Length: ${BODY_BYTES_MAX}\r\n\r\n`)
      return socket
    }
    const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
    const areGone = async (): Promise<void> => {
      while (bodies.bytes > 0) await turn()
    }
    await areGone()
    let held = 0
    const hold = async (ledger: string): Promise<void> => {
      for (let bytes = 0; bytes < LEDGER_BODIES_BYTES_MAX; bytes += BODY_BYTES_MAX) begin(ledger)
      held += LEDGER_BODIES_BYTES_MAX
      while (bodies.bytes < held) await turn()
    }
    const isRefused = async (ledger: string): Promise<boolean> => {
      let isAnswered = false
      begin(ledger).once('data', () => (isAnswered = true))
      while (!isAnswered && bodies.bytes === held) await turn()
      return isAnswered
    }
    const ledgers = Array.from({ length: BODIES_BYTES_MAX / LEDGER_BODIES_BYTES_MAX }, (_, n) => `ledger_${n}~test`)
    try {
      for (const ledger of ledgers) {
        await hold(ledger)
        expect(await isRefused(ledger)).toBe(true)
      }
      expect(await isRefused('another~test')).toBe(true)
    } finally {
      for (const socket of sockets) socket.destroy()
    }
    await areGone()
    held = 0
    expect(await isRefused('another~test')).toBe(false)
    sockets.at(-1)?.destroy()
  })
})
