/** Who asks for metrics cannot keep a connection by sending little. */
import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { once } from 'node:events'
import { connect } from 'node:net'
import { pino } from 'pino'
import { MetricsServer } from '../../src/metrics/metrics-server.js'
import { Metrics } from '../../src/metrics/metrics.js'

const REQUEST_TIMEOUT_MS = 300
const DRIP_MS = 20

let server: MetricsServer
beforeAll(async () => {
  const observe = (): Promise<never> => Promise.reject(new Error('Nobody is answered here.'))
  const metrics = new Metrics({ version: '0', eventStore: 'embedded', readModel: 'embedded', observe })
  const options = { host: '127.0.0.1', port: 0, requestTimeoutMs: REQUEST_TIMEOUT_MS }
  server = await MetricsServer.start(metrics, pino({ level: 'silent' }), options)
})
afterAll(() => server.close())

it('A client that sends its request byte by byte is cut off in about the time a request may take', async () => {
  const dripping = connect(server.port, '127.0.0.1')
  const since = performance.now()
  dripping.write('GET /metrics HTTP/1.1\r\nHost: ')
  const drips = setInterval(() => dripping.write('1'), DRIP_MS)
  try {
    let answer = ''
    // A byte that is under way as the connection is closed has it reset, and what was not read by then is lost.
    dripping.on('data', (chunk: Buffer) => (answer += chunk.toString())).on('error', () => undefined)
    await once(dripping, 'close')
    expect(answer).toMatch(/^(HTTP\/1\.1 408 |$)/)
  } finally {
    clearInterval(drips)
    dripping.destroy()
  }
  expect(performance.now() - since).toBeGreaterThanOrEqual(REQUEST_TIMEOUT_MS - DRIP_MS)
})
