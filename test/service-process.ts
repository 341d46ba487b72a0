/** The service as its operator runs it: a process of its own, started with an environment and stopped with a signal. */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import Stripe from 'stripe'
import { TEST_KEY } from './running-service.js'

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url))
const LISTENING = /listening on (http:\/\/\S+)/

export interface Ended {
  readonly code: number | null
  readonly signal: NodeJS.Signals | null
  readonly stdout: string
  readonly stderr: string
}

export interface ServiceProcess {
  readonly url: string
  readonly stripe: Stripe
  /** Resolves once the output so far contains the text. */
  printed(text: string): Promise<void>
  /** Sends the signal and waits for the end. */
  end(signal: 'SIGTERM' | 'SIGINT' | 'SIGKILL'): Promise<Ended>
}

type Environment = Readonly<Record<string, string>>

/** Starts it and waits until it listens. */
export async function startServiceProcess(environment: Environment): Promise<ServiceProcess> {
  const { child, output, ended } = run({ PORT: '0', BOOTSTRAP_API_KEY: TEST_KEY, ...environment })
  const printed = async (text: string | RegExp): Promise<void> => {
    while (output.stdout.search(text) < 0) {
      const isOver = await Promise.race([ended.then(() => true), once(child.stdout, 'data').then(() => false)])
      if (isOver && output.stdout.search(text) < 0) throw new Error(`The service ended: ${JSON.stringify(await ended)}`)
    }
  }
  await printed(LISTENING)
  const url = LISTENING.exec(output.stdout)?.[1] ?? ''
  return {
    url,
    stripe: new Stripe(TEST_KEY, {
      host: '127.0.0.1',
      port: Number(new URL(url).port),
      protocol: 'http',
      maxNetworkRetries: 0,
      telemetry: false,
    }),
    printed,
    end: (signal) => {
      child.kill(signal)
      return ended
    },
  }
}

/** Runs it where it is expected to end by itself. */
export function runServiceProcess(environment: Environment): Promise<Ended> {
  return run(environment).ended
}

function run(environment: Environment) {
  const { PATH = '' } = process.env
  const child = spawn(process.execPath, [MAIN], {
    env: { PATH, ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  const output = { stdout: '', stderr: '' }
  child.stdout.setEncoding('utf8').on('data', (text: string) => (output.stdout += text))
  child.stderr.setEncoding('utf8').on('data', (text: string) => (output.stderr += text))
  const ended = once(child, 'close').then(([code, signal]): Ended => ({
    code: code as number | null,
    signal: signal as NodeJS.Signals | null,
    ...output,
  }))
  return { child, output, ended }
}
