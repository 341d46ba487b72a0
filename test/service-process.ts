/** The built service as a process of its own, for tests that need a real one: several at once, or one to kill. */
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'

const MAIN = fileURLToPath(new URL('../dist/main.js', import.meta.url))
const START_TIMEOUT_MS = 30_000

export interface ServiceProcess {
  readonly url: string
  readonly port: number
  readonly child: ChildProcess
  /** What it wrote so far, both streams. */
  output(): string
  /** Sends the signal and waits for the end; answers the exit code, null where the signal ended it. */
  end(signal: NodeJS.Signals): Promise<number | null>
}

/** Resolves when it listens. @throws Error with its output if it ends before that. */
export async function startServiceProcess(environment: Readonly<Record<string, string>>): Promise<ServiceProcess> {
  const child = spawn(process.execPath, [MAIN], {
    env: { PATH: process.env.PATH, PORT: '0', LOG_LEVEL: 'warn', ...environment },
    stdio: ['ignore', 'pipe', 'pipe'],
  })
  let output = ''
  const url = await new Promise<string>((resolve, reject) => {
    const timer = setTimeout(() => reject(new Error(`The service did not start in time.\n${output}`)), START_TIMEOUT_MS)
    const read = (chunk: Buffer): void => {
      output += chunk.toString()
      const listening = /listening on (http:\S+)/.exec(output)
      if (!listening?.[1]) return
      clearTimeout(timer)
      resolve(listening[1])
    }
    child.stdout.on('data', read)
    child.stderr.on('data', read)
    child.once('exit', (code) => {
      clearTimeout(timer)
      reject(new Error(`The service ended with ${code} at its start.\n${output}`))
    })
  })
  return {
    url,
    port: Number(new URL(url).port),
    child,
    output: () => output,
    end: async (signal) => {
      if (child.exitCode !== null || child.signalCode !== null) return child.exitCode
      const exited = once(child, 'exit') as Promise<[number | null]>
      child.kill(signal)
      const [code] = await exited
      return code
    },
  }
}
