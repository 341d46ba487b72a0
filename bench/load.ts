/**
 * Makes load: a closed loop over keep-alive connections, each with one request under way. It shares the processors with
 * what it measures, so it does as little as it can: bodies are made before the clock starts, and of an answer only status
 * and length are read.
 */
import { createConnection, type Socket } from 'node:net'
import { setTimeout as delay } from 'node:timers/promises'
import { answerWith } from './child.js'
import { EVENT_NAME, eventNumbers, usageEvent, type EventPlan } from './usage-events.js'

export interface Load {
  readonly port: number
  readonly path: string
  readonly authorization: string
  /** A batch as JSON, one event as a form, a read, or the cancellation of each of the `numbers`. */
  readonly shape: 'stream' | 'form' | 'read' | 'cancel'
  readonly connections: number
  readonly requests: number
  /** null: as fast as the answers come. */
  readonly requestsPerSecond: number | null
  readonly eventsPerRequest: number
  readonly events: EventPlan
  /** Of the events to cancel, one a request. */
  readonly numbers?: readonly number[]
}

export interface LoadResult {
  readonly seconds: number
  readonly requestsPerSecond: number
  readonly eventsPerSecond: number
  readonly p50Ms: number
  readonly p99Ms: number
  readonly maxMs: number
  /** Requests that were not answered with a 200. */
  readonly errors: number
  readonly firstError: string | null
}

const HEADER_END = '\r\n\r\n'
const JSON_TYPE = 'application/json'

class Connection {
  private received: Buffer<ArrayBufferLike> = Buffer.alloc(0)
  private waiting: { resolve: (answer: string | null) => void; reject: (error: Error) => void } | null = null

  private constructor(private readonly socket: Socket) {
    socket.setNoDelay(true)
    socket.on('data', (chunk) => this.read(chunk))
    socket.on('error', (error) => this.waiting?.reject(error))
    socket.on('close', () => this.waiting?.reject(new Error('The connection was closed.')))
  }

  static async open(port: number): Promise<Connection> {
    const socket = createConnection({ port, host: '127.0.0.1' })
    await new Promise<void>((resolve, reject) => socket.once('connect', resolve).once('error', reject))
    return new Connection(socket)
  }

  /** Resolves with the answer's text where it is not a 200. */
  send(request: Buffer): Promise<string | null> {
    return new Promise((resolve, reject) => {
      this.waiting = { resolve, reject }
      this.socket.write(request)
    })
  }

  close(): void {
    this.waiting = null
    this.socket.destroy()
  }

  private read(chunk: Buffer): void {
    this.received = this.received.length === 0 ? chunk : Buffer.concat([this.received, chunk])
    const end = this.received.indexOf(HEADER_END)
    if (end < 0) return
    const header = this.received.toString('latin1', 0, end)
    const length = Number(/\r\ncontent-length: (\d+)/i.exec(header)?.[1] ?? NaN)
    if (Number.isNaN(length)) return this.waiting?.reject(new Error(`An answer without a length:\n${header}`))
    if (this.received.length < end + HEADER_END.length + length) return
    const failure = header.startsWith('HTTP/1.1 200') ? null : this.received.toString('utf8')
    this.received = Buffer.alloc(0)
    this.waiting?.resolve(failure)
  }
}

function requestsOf(load: Load): Buffer[] {
  if (load.shape === 'cancel')
    return (load.numbers ?? []).map((number) => request(load, JSON_TYPE, cancellation(number, load)))
  const { numbers } = eventNumbers(load.events, load.shape === 'read' ? 0 : load.requests * load.eventsPerRequest)
  if (load.shape === 'read') return [request(load, null, '')]
  const bodies: Buffer[] = []
  for (let at = 0; at < numbers.length; at += load.eventsPerRequest) {
    const events = numbers.slice(at, at + load.eventsPerRequest).map((number) => usageEvent(number, load.events))
    bodies.push(
      load.shape === 'stream'
        ? request(load, JSON_TYPE, JSON.stringify({ events: events.map(streamed) }))
        : request(load, 'application/x-www-form-urlencoded', form(events[0] as ReturnType<typeof usageEvent>)),
    )
  }
  return bodies
}

function streamed({ identifier, customer, value, occurredAt }: ReturnType<typeof usageEvent>): object {
  return {
    event_name: EVENT_NAME,
    identifier,
    timestamp: new Date(occurredAt).toISOString(),
    payload: { stripe_customer_id: customer, value: String(value) },
  }
}

function cancellation(number: number, { events }: Load): string {
  const { identifier } = usageEvent(number, events)
  return JSON.stringify({ event_name: EVENT_NAME, type: 'cancel', cancel: { identifier } })
}

function form({ identifier, customer, value, occurredAt }: ReturnType<typeof usageEvent>): string {
  return new URLSearchParams({
    event_name: EVENT_NAME,
    identifier,
    timestamp: String(occurredAt / 1000),
    'payload[stripe_customer_id]': customer,
    'payload[value]': String(value),
  }).toString()
}

function request({ path, authorization }: Load, contentType: string | null, body: string): Buffer {
  const lines = [
    `${contentType === null ? 'GET' : 'POST'} ${path} HTTP/1.1`,
    'host: 127.0.0.1',
    `authorization: ${authorization}`,
    ...(contentType === null ? [] : [`content-type: ${contentType}`, `content-length: ${Buffer.byteLength(body)}`]),
  ]
  return Buffer.from(`${lines.join('\r\n')}${HEADER_END}${body}`)
}

async function run(load: Load): Promise<LoadResult> {
  const requests = requestsOf(load)
  const opened = await Promise.all(Array.from({ length: load.connections }, () => Connection.open(load.port)))
  const latencies = new Float64Array(load.requests)
  let next = 0
  let errors = 0
  let firstError: string | null = null
  const startedAt = performance.now()
  await Promise.all(
    opened.map(async (connection) => {
      for (let index = next++; index < load.requests; index = next++) {
        if (load.requestsPerSecond !== null) {
          const early = startedAt + (index * 1000) / load.requestsPerSecond - performance.now()
          if (early > 1) await delay(early)
        }
        const sentAt = performance.now()
        const failure = await connection.send(requests[index % requests.length] as Buffer)
        latencies[index] = performance.now() - sentAt
        if (failure === null) continue
        errors++
        firstError ??= failure.slice(0, 500)
      }
    }),
  )
  const seconds = (performance.now() - startedAt) / 1000
  for (const connection of opened) connection.close()
  latencies.sort()
  const at = (share: number): number => latencies[Math.min(load.requests - 1, Math.floor(load.requests * share))] ?? 0
  return {
    seconds,
    requestsPerSecond: load.requests / seconds,
    eventsPerSecond: (load.requests * load.eventsPerRequest) / seconds,
    p50Ms: at(0.5),
    p99Ms: at(0.99),
    maxMs: at(1),
    errors,
    firstError,
  }
}

answerWith(run)
