/** Clients that trickle, hang up and send too much: they harm neither the numbers nor the others. */
import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { connect, type Socket } from 'node:net'
import { once } from 'node:events'
import type Stripe from 'stripe'
import { createMeter, CUSTOMER, report, total, type Meter } from '../metered-usage.js'
import { exchange, rawRequest } from '../raw-http.js'
import { FixedClock, onEachStore, TEST_KEY, type RunningService } from '../running-service.js'

const PATH = '/v2/billing/meter_event_stream'
/** Shortened, so that it is seen; a minute otherwise. */
const REQUEST_TIMEOUT_MS = 1_500
const SLOW_CLIENTS = 50
const BODY_BYTES_MAX = 1024 * 1024

onEachStore('The stream, with hostile clients', (start) => {
  let service: RunningService
  let stripe: Stripe
  let meter: Meter
  let token: string
  beforeAll(async () => {
    service = await start(new FixedClock(), { requestTimeoutMs: REQUEST_TIMEOUT_MS })
    stripe = service.stripe
    meter = await createMeter(stripe)
    token = (await stripe.v2.billing.meterEventSession.create()).authentication_token
  })
  afterAll(() => service.close())

  const bodyOf = (identifier: string, note = ''): string =>
    JSON.stringify({
      events: [
        { event_name: meter.event_name, identifier, payload: { stripe_customer_id: CUSTOMER, value: '1', note } },
      ],
    })
  const call = (body: string, authorization = token): string =>
    rawRequest('POST', PATH, [`Authorization: Bearer ${authorization}`, 'Content-Type: application/json'], body)

  async function begun(bytes: string): Promise<Socket> {
    const socket = connect(service.port, '127.0.0.1')
    // A reset is one way of being cut off.
    socket.on('error', () => undefined)
    await once(socket, 'connect')
    socket.write(bytes)
    return socket
  }

  it('cuts off who sends too slowly, and holds nobody else up', async () => {
    const before = Number(await total(stripe, meter))
    const slow = Array.from({ length: SLOW_CLIENTS }, async (_, index) => {
      const bytes = call(bodyOf(`slow-${index}`))
      // Some hang in the head of their request, the others in its body.
      let at = index % 2 === 0 ? Math.floor(bytes.length / 3) : bytes.length - 10
      const socket = await begun(bytes.slice(0, at))
      let answer = ''
      socket.setEncoding('latin1').on('data', (text: string) => (answer += text))
      const trickle = setInterval(() => socket.write(bytes.charAt(at++)), REQUEST_TIMEOUT_MS / 3)
      await once(socket, 'close')
      clearInterval(trickle)
      return answer
    })
    const cutOff = Promise.all(slow)
    let counted = 0
    let isOver = false
    void cutOff.then(() => (isOver = true))
    while (!isOver) {
      await report(stripe, meter, 1)
      counted++
    }
    const answers = (await cutOff).filter((answer) => answer !== '')
    expect(answers.length).toBeGreaterThan(0)
    for (const answer of answers) {
      expect(answer).toMatch(/^HTTP\/1\.1 408 /)
      expect(JSON.parse(answer.slice(answer.indexOf('\r\n\r\n')))).toMatchObject({ error: { code: 'request_timeout' } })
    }
    // Not one request for each second that the slow ones took, but many.
    expect(counted).toBeGreaterThan(SLOW_CLIENTS)
    expect(await total(stripe, meter)).toBe(String(before + counted))
  })

  it('counts nothing of a body that is cut off, and goes on', async () => {
    const before = Number(await total(stripe, meter))
    const cut = Array.from({ length: 30 }, async (_, index) => {
      const bytes = call(bodyOf(`cut-${index}`))
      const socket = await begun(bytes.slice(0, bytes.length - 1 - index))
      if (index % 2 === 0) socket.destroy()
      else socket.end()
      await once(socket.resume(), 'close')
    })
    await Promise.all(cut)
    await report(stripe, meter, 5)
    expect(await total(stripe, meter)).toBe(String(before + 5))
    const { data } = (await stripe.rawRequest('GET', '/meterbook/v1/rejections')) as unknown as { data: unknown[] }
    expect(data).toEqual([])
  })

  it('refuses a body over the limit, said or unsaid, and counts nothing of it', async () => {
    const before = await total(stripe, meter)
    const tooLarge = bodyOf('large', 'x'.repeat(BODY_BYTES_MAX))
    const head = [`Authorization: Bearer ${token}`, 'Content-Type: application/json', 'Transfer-Encoding: chunked']
    const chunked = `POST ${PATH} HTTP/1.1\r\nHost: x\r\n${head.join('\r\n')}\r\n\r\n${tooLarge.length.toString(16)}\r\n${tooLarge}\r\n0\r\n\r\n`
    for (const bytes of [call(tooLarge), chunked]) {
      const { answers } = await exchange(service.port, bytes)
      expect(answers[0]).toMatchObject({ status: 413 })
      expect(JSON.parse(String(answers[0]?.body))).toMatchObject({ error: { code: 'request_too_large' } })
    }
    expect(await total(stripe, meter)).toBe(before)
  })

  it('reads nothing of what comes without a session', async () => {
    const before = await total(stripe, meter)
    for (const authorization of [TEST_KEY, `${token}x`, '']) {
      const socket = await begun(call(bodyOf('stranger', 'x'.repeat(BODY_BYTES_MAX)), authorization).slice(0, 500))
      const [answer] = (await once(socket.setEncoding('latin1'), 'data')) as [string]
      expect(answer).toMatch(/^HTTP\/1\.1 401 /)
      socket.destroy()
    }
    expect(await total(stripe, meter)).toBe(before)
  })

  it('ends the connection with the answer where a body that is too long or of no said length is not read', async () => {
    const key = `Authorization: Bearer ${TEST_KEY}`
    const type = 'Content-Type: application/json'
    for (const [status, target, headers] of [
      [401, PATH, [type]],
      [404, '/nowhere', [type]],
      [404, '/v1/nowhere', [key, type]],
      [400, '/v1/%zz', [key, type]],
      [403, PATH, [`Authorization: Bearer ${token}`, type, 'Stripe-Account: acct_1']],
      [413, PATH, [`Authorization: Bearer ${token}`, type]],
    ] as const) {
      for (const length of ['Content-Length: 100000000000', 'Transfer-Encoding: chunked']) {
        const socket = await begun(`POST ${target} HTTP/1.1\r\n${[...headers, length, 'Host: x'].join('\r\n')}\r\n\r\n`)
        let answer = ''
        socket.setEncoding('latin1').on('data', (text: string) => (answer += text))
        const piece = 'x'.repeat(64 * 1024)
        const chunk = length.startsWith('Content') ? piece : `${piece.length.toString(16)}\r\n${piece}\r\n`
        // It never stops sending by itself.
        const send = (): void => {
          while (!socket.destroyed && socket.write(chunk));
        }
        socket.on('drain', send)
        send()
        // Also by an error: it still sends.
        await new Promise((resolve) => socket.once('close', resolve))
        expect([target, length, answer]).toEqual([target, length, expect.stringMatching(/^HTTP\/1\.1 \d{3} /)])
        expect([target, length, answer.slice(9, 12)]).toEqual([target, length, String(status)])
        expect(answer).toMatch(/^connection: close\r$/im)
        const body = answer.slice(answer.indexOf('\r\n\r\n') + 4)
        // Some answers come in chunks.
        expect([target, length, body]).toEqual([target, length, expect.stringMatching(/\{"error":\{.*\}\}/s)])
        // And what the systems on both ends take.
        expect(socket.bytesWritten).toBeLessThan(BODY_BYTES_MAX * 32)
      }
    }
  })

  it('goes on with the connection behind a body that it did not read and would have', async () => {
    const refused = call(bodyOf('stranger', 'x'.repeat(BODY_BYTES_MAX / 2)), 'none')
    const { answers } = await exchange(service.port, refused.repeat(2), { answers: 2 })
    expect(answers.map(({ status, headers }) => [status, headers.get('connection')])).toEqual([
      [401, 'keep-alive'],
      [401, 'keep-alive'],
    ])
  })
})
