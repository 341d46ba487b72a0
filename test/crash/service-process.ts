/** The service as it ships, in a process of its own that can be killed. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { Agent, request } from 'node:http'
import { fileURLToPath } from 'node:url'
import { TEST_KEY } from '../running-service.js'

const MAIN = fileURLToPath(new URL('../../dist/main.js', import.meta.url))
const START_TIMEOUT_MS = 30_000
const REQUEST_TIMEOUT_MS = 30_000
const SOCKETS_MAX = 64

export interface Answer {
  readonly status: number
  readonly headers: Readonly<Record<string, string | string[] | undefined>>
  // eslint-disable-next-line @typescript-eslint/no-explicit-any -- Tests look into whatever was answered.
  readonly body: any
}

/** The connection broke before there was an answer: what was asked for may or may not have happened. */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer'
}

export class ServiceProcess {
  private readonly agent = new Agent({ keepAlive: true, maxSockets: SOCKETS_MAX })
  private constructor(
    private readonly child: ChildProcess,
    private readonly port: number,
    private readonly said: string[],
  ) {}

  /** `wrap` makes another command of the one that starts it, for limits that are set from outside. */
  static async start(
    dataDir: string,
    wrap: (command: string[]) => string[] = (command) => command,
  ): Promise<ServiceProcess> {
    const [program = '', ...parameters] = wrap([process.execPath, MAIN])
    const child = spawn(program, parameters, {
      env: {
        PATH: process.env.PATH,
        DATA_DIR: dataDir,
        PORT: '0',
        BOOTSTRAP_API_KEY: TEST_KEY,
        LOG_LEVEL: 'warn',
      },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    const said: string[] = []
    const port = await new Promise<number>((resolve, reject) => {
      const fail = (why: string): void => {
        clearTimeout(timer)
        child.kill('SIGKILL')
        reject(new Error(`The service did not start: ${why}\n${said.join('')}`))
      }
      const timer = setTimeout(() => fail('it took too long.'), START_TIMEOUT_MS)
      const hear = (chunk: Buffer): void => {
        said.push(chunk.toString())
        const found = /listening on http:\/\/127\.0\.0\.1:(\d+)/.exec(said.join(''))
        if (!found) return
        clearTimeout(timer)
        resolve(Number(found[1]))
      }
      child.stdout.on('data', hear)
      child.stderr.on('data', hear)
      child.once('error', (error) => fail(error.message))
      child.once('exit', (code, signal) => fail(`it ended with ${code ?? signal}.`))
    })
    return new ServiceProcess(child, port, said)
  }

  /** Everything it printed and logged. */
  get log(): string {
    return this.said.join('')
  }

  post(path: string, form: Readonly<Record<string, string>>, idempotencyKey?: string): Promise<Answer> {
    return this.send('POST', path, new URLSearchParams(form).toString(), {
      'content-type': 'application/x-www-form-urlencoded',
      ...(idempotencyKey === undefined ? {} : { 'idempotency-key': idempotencyKey }),
    })
  }

  get(path: string, query: Readonly<Record<string, string>> = {}): Promise<Answer> {
    const text = new URLSearchParams(query).toString()
    return this.send('GET', text === '' ? path : `${path}?${text}`)
  }

  /** Ends it as a power cut would, as far as a process can tell. */
  async kill(): Promise<void> {
    await this.end('SIGKILL')
  }

  /** Asks it to stop; resolves with its exit code. */
  async stop(): Promise<number | null> {
    return this.end('SIGTERM')
  }

  private async end(signal: NodeJS.Signals): Promise<number | null> {
    const { child } = this
    if (child.exitCode === null && child.signalCode === null) {
      const exited = once(child, 'exit')
      child.kill(signal)
      await exited
    }
    this.agent.destroy()
    return child.exitCode
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
          headers: { authorization: `Bearer ${TEST_KEY}`, 'content-length': Buffer.byteLength(body), ...headers },
        },
        (response) => {
          const chunks: Buffer[] = []
          response.on('data', (chunk: Buffer) => chunks.push(chunk))
          response.on('error', broken)
          response.on('end', () => {
            if (!response.complete) return broken(new Error('The answer was cut off.'))
            const text = Buffer.concat(chunks).toString()
            resolve({ status: response.statusCode ?? 0, headers: response.headers, body: JSON.parse(text) })
          })
        },
      )
      outgoing.on('error', broken)
      outgoing.on('timeout', () => outgoing.destroy(hangs))
      outgoing.end(body)
    })
  }
}
