/** HTTP as it goes over the wire, for requests no client would send. Answers are taken apart as strictly as a client would. */
import { connect } from 'node:net'

export interface RawAnswer {
  readonly status: number
  /** Names in lower case. */
  readonly headers: ReadonlyMap<string, string>
  readonly body: Buffer
}

export interface Exchange {
  /** Whole answers, in order; interim ones (100 Continue) left out. */
  readonly answers: readonly RawAnswer[]
  /** What came after the last whole answer. */
  readonly rest: Buffer
  readonly ended: 'answered' | 'closed' | 'timed out'
}

export interface ExchangeOptions {
  /** How many answers to wait for; the connection is closed after them. */
  readonly answers?: number
  readonly deadlineMs?: number
  /** Closes our side, or the whole connection, once everything is sent. */
  readonly then?: 'wait' | 'half-close' | 'hang-up'
  /** An answer to HEAD has no body whatever its headers say. */
  readonly isHead?: boolean
}

export function exchange(port: number, bytes: Buffer | string, options: ExchangeOptions = {}): Promise<Exchange> {
  const { answers: wanted = 1, deadlineMs = 30_000, then = 'wait', isHead = false } = options
  return new Promise((resolve) => {
    const answers: RawAnswer[] = []
    let received: Buffer = Buffer.alloc(0)
    const finish = (ended: Exchange['ended']): void => {
      clearTimeout(deadline)
      socket.destroy()
      resolve({ answers, rest: received, ended })
    }
    const deadline = setTimeout(() => finish('timed out'), deadlineMs)
    const socket = connect(port, '127.0.0.1', () => {
      socket.write(typeof bytes === 'string' ? Buffer.from(bytes, 'latin1') : bytes, () => {
        if (then === 'half-close') socket.end()
        if (then === 'hang-up') finish('closed')
      })
    })
    socket.on('data', (chunk: Buffer) => {
      received = Buffer.concat([received, chunk])
      for (let next = takeAnswer(received, isHead); next; next = takeAnswer(received, isHead)) {
        received = next.rest
        if (next.answer.status >= 200) answers.push(next.answer)
      }
      if (answers.length >= wanted) finish('answered')
    })
    // A reset is one way of closing; what was answered before it counts.
    socket.on('error', () => undefined)
    socket.on('close', () => finish('closed'))
  })
}

function takeAnswer(bytes: Buffer, isHead: boolean): { answer: RawAnswer; rest: Buffer } | null {
  const headEnd = bytes.indexOf('\r\n\r\n')
  if (headEnd === -1) return null
  const [statusLine = '', ...lines] = bytes.subarray(0, headEnd).toString('latin1').split('\r\n')
  const status = Number(/^HTTP\/1\.1 (\d{3}) /.exec(statusLine)?.[1])
  if (!status) throw new Error(`Not a status line: ${JSON.stringify(statusLine)}`)
  const headers = new Map(
    lines.map((line) => {
      const colon = line.indexOf(':')
      return [line.slice(0, colon).toLowerCase(), line.slice(colon + 1).trim()] as const
    }),
  )
  const start = headEnd + 4
  if (isHead || status < 200 || status === 204 || status === 304) {
    return { answer: { status, headers, body: Buffer.alloc(0) }, rest: bytes.subarray(start) }
  }
  if (headers.get('transfer-encoding') === 'chunked') {
    const chunked = takeChunks(bytes, start)
    return chunked && { answer: { status, headers, body: chunked.body }, rest: bytes.subarray(chunked.end) }
  }
  const length = Number(headers.get('content-length') ?? NaN)
  if (Number.isNaN(length)) throw new Error(`An answer without a length: ${statusLine}`)
  if (bytes.length < start + length) return null
  const body = bytes.subarray(start, start + length)
  return { answer: { status, headers, body }, rest: bytes.subarray(start + length) }
}

function takeChunks(bytes: Buffer, start: number): { body: Buffer; end: number } | null {
  const chunks: Buffer[] = []
  for (let at = start; ;) {
    const lineEnd = bytes.indexOf('\r\n', at)
    if (lineEnd === -1) return null
    const size = parseInt(bytes.subarray(at, lineEnd).toString('latin1'), 16)
    const next = lineEnd + 2 + size + 2
    if (bytes.length < next) return null
    if (size === 0) return { body: Buffer.concat(chunks), end: next }
    chunks.push(bytes.subarray(lineEnd + 2, lineEnd + 2 + size))
    at = next
  }
}

/** A request as text, one character a byte; `headers` are lines without their end. */
export function rawRequest(method: string, target: string, headers: readonly string[] = [], body = ''): string {
  const length = body === '' && method !== 'POST' ? [] : [`Content-Length: ${Buffer.byteLength(body, 'latin1')}`]
  return [`${method} ${target} HTTP/1.1`, 'Host: meterbook', ...headers, ...length, '', body].join('\r\n')
}
