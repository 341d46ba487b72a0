/** The service as its operator runs it: a process of its own, started with an environment, stopped with a signal or killed. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import Stripe from 'stripe'
import { ApiClient } from './api-client.js'
import { TEST_KEY } from './running-service.js'

export const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url))
const LISTENING = /listening on (http:\/\/\S+)/

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

type Environment = Readonly<Record<string, string>>
/** Makes another command of the one that starts it, for limits that are set from outside. */
type Wrap = (command: readonly string[]) => readonly string[]

export class Run {
  readonly child: ChildProcess
  readonly ended: Promise<Ended>
  stdout = ''
  stderr = ''

  constructor(environment: Environment, wrap: Wrap = (command) => command) {
    const { PATH = '' } = process.env
    const [program = '', ...parameters] = wrap([process.execPath, MAIN])
    const child = spawn(program, parameters, { env: { PATH, ...environment }, stdio: ['ignore', 'pipe', 'pipe'] })
    child.stdout.setEncoding('utf8').on('data', (text: string) => (this.stdout += text))
    child.stderr.setEncoding('utf8').on('data', (text: string) => (this.stderr += text))
    this.child = child
    this.ended = once(child, 'close').then(([code, signal]) => ({
      code: code as number | null,
      signal: signal as NodeJS.Signals | null,
      stdout: this.stdout,
      stderr: this.stderr,
    }))
  }

  /** Resolves once the output so far contains the text. */
  async printed(text: string | RegExp): Promise<void> {
    while (this.stdout.search(text) < 0) {
      const more = once(this.child.stdout as NodeJS.ReadableStream, 'data').then(() => false)
      const isOver = await Promise.race([this.ended.then(() => true), more])
      if (isOver && this.stdout.search(text) < 0) {
        throw new Error(`The service ended: ${JSON.stringify(await this.ended)}`)
      }
    }
  }

  /** Sends the signal, unless it is over, and waits for the end. */
  end(signal: NodeJS.Signals): Promise<Ended> {
    this.child.kill(signal)
    return this.ended
  }
}

export class ServiceProcess {
  readonly api: ApiClient
  readonly stripe: Stripe

  constructor(
    private readonly run: Run,
    readonly url: string,
  ) {
    const port = Number(new URL(url).port)
    this.api = new ApiClient(port, TEST_KEY)
    this.stripe = new Stripe(TEST_KEY, {
      host: '127.0.0.1',
      port,
      protocol: 'http',
      maxNetworkRetries: 0,
      telemetry: false,
    })
  }

  get port(): number {
    return Number(new URL(this.url).port)
  }

  get pid(): number {
    return this.run.child.pid as number
  }

  /** Everything it printed and logged. */
  get log(): string {
    return this.run.stdout + this.run.stderr
  }

  /** Resolves once the output so far contains the text. */
  printed(text: string | RegExp): Promise<void> {
    return this.run.printed(text)
  }

  /** Sends one that it outlives. */
  signal(signal: 'SIGUSR2'): void {
    this.run.child.kill(signal)
  }

  /** Sends the signal, unless it is over, and waits for the end. */
  async end(signal: 'SIGTERM' | 'SIGINT' | 'SIGKILL'): Promise<Ended> {
    const ended = await this.run.end(signal)
    this.api.close()
    return ended
  }

  /** Ends it as a power cut would, as far as a process can tell. */
  async kill(): Promise<void> {
    await this.end('SIGKILL')
  }

  /** Asks it to stop; resolves with its exit code. */
  async stop(): Promise<number | null> {
    return (await this.end('SIGTERM')).code
  }
}

/** Starts it and waits until it listens. */
export async function startServiceProcess(environment: Environment, wrap?: Wrap): Promise<ServiceProcess> {
  const run = new Run({ PORT: '0', BOOTSTRAP_API_KEY: TEST_KEY, ...environment }, wrap)
  await run.printed(LISTENING)
  return new ServiceProcess(run, LISTENING.exec(run.stdout)?.[1] ?? '')
}

/** Starts it where it is not expected to listen soon. */
export function beginServiceProcess(environment: Environment, wrap?: Wrap): Run {
  return new Run(environment, wrap)
}

/** Runs it where it is expected to end by itself. */
export function runServiceProcess(environment: Environment): Promise<Ended> {
  return new Run(environment).ended
}
