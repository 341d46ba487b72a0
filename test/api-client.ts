/** Requests to a service that may die at any moment: what was answered is told from what was cut off. */
import { Agent, request } from 'node:http'

const REQUEST_TIMEOUT_MS = 30_000
const SOCKETS_MAX = 64
const FORM = 'application/x-www-form-urlencoded'

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  readonly body: AnswerBody
}

/** What tests look at in an answer; each endpoint has some of it. */
export interface AnswerBody {
  readonly id?: string
  readonly identifier?: string
  readonly status?: string
  readonly authentication_token?: string
  readonly data?: readonly Readonly<Record<string, unknown>>[]
  readonly has_more?: boolean
  readonly error?: { readonly type: string; readonly message: string }
}

/** The connection broke before there was an answer: what was asked for may or may not have happened. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer'
}

export class ApiClient {
  private readonly agent = new Agent({ keepAlive: true, maxSockets: SOCKETS_MAX })

  constructor(
    private readonly port: number,
    private readonly key: string,
  ) {}

  /** A form, as v1 takes it. */
  post(path: string, form: Readonly<Record<string, string>>, idempotencyKey?: string): Promise<Answer> {
    return this.send('POST', path, new URLSearchParams(form).toString(), {
      'content-type': FORM,
      ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
    })
  }

  /** JSON, as v2 takes it; with a session's token where one is given. */
  postJson(path: string, body: object, { token = this.key, idempotencyKey = '' } = {}): Promise<Answer> {
    return this.send('POST', path, JSON.stringify(body), {
      'content-type': 'application/json',
      authorization: `Bearer ${token}`,
      ...(idempotencyKey === '' ? {} : { 'idempotency-key': idempotencyKey }),
    })
  }

  get(path: string, query: Readonly<Record<string, string>> = {}): Promise<Answer> {
    const text = new URLSearchParams(query).toString()
    return this.send('GET', text === '' ? path : `${path}?${text}`)
  }

  close(): void {
    this.agent.destroy()
  }

  private send(method: string, path: string, body = '', headers: Record<string, string> = {}): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const hangs = new Error(`${method} ${path} was not answered within ${REQUEST_TIMEOUT_MS} ms.`)
      const broken = (error: Error): void => reject(error === hangs ? hangs : new NoAnswer(error.message))
      const outgoing = request(
        {
          host: '127.0.0.1',
          port: this.port,
          agent: this.agent,
          method,
          path,
          timeout: REQUEST_TIMEOUT_MS,
          headers: { authorization: `Bearer ${this.key}`, 'content-length': Buffer.byteLength(body), ...headers },
        },
        (response) => {
          const chunks: Buffer[] = []
          response.on('data', (chunk: Buffer) => chunks.push(chunk))
          response.on('error', broken)
          response.on('end', () => {
            if (!response.complete) return broken(new Error('The answer was cut off.'))
            const answered = JSON.parse(Buffer.concat(chunks).toString()) as AnswerBody
            resolve({ status: response.statusCode ?? 0, headers: response.headers, body: answered })
          })
        },
      )
      outgoing.on('error', broken)
      outgoing.on('timeout', () => outgoing.destroy(hangs))
      outgoing.end(body)
    })
  }
}
