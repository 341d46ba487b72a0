/**
 * `node dist/healthcheck.js`: asks the service that runs with the same settings whether it is alive, and ends with 0 or 1. For a
 * container's health check; an orchestrator that asks over HTTP uses `/healthz` and `/readyz`.
 */
import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { text } from 'node:stream/consumers'
import { ConfigError, readConfig, type Config } from './config.js'

const ANSWER_WITHIN_MS = 4_000
/** Of a host that stands for all addresses, the one of this machine. */
const OWN: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' }

try {
  const { status, said } = await health(readConfig(process.env))
  process.stdout.write(`${status} ${said}\n`)
  process.exitCode = status === 200 ? 0 : 1
} catch (error) {
  process.stderr.write(`${reasonOf(error as Error)}\n`)
  process.exitCode = 1
}

/** Not by `fetch`, which asks nobody at ports that browsers keep from pages, 6000 for one. */
async function health({ host, port }: Config): Promise<{ status: number | undefined; said: string }> {
  const signal = AbortSignal.timeout(ANSWER_WITHIN_MS)
  const asked = get({ host: OWN[host] ?? host, port, path: '/healthz', agent: false, signal })
  const [answer] = (await once(asked, 'response')) as [IncomingMessage]
  return { status: answer.statusCode, said: await text(answer) }
}

/** A name may stand for several addresses, each of which was asked. */
function reasonOf(error: Error): string {
  if (error instanceof AggregateError) return error.errors.map(({ message }: Error) => message).join('; ')
  const { message, cause } = error
  return error instanceof ConfigError || !(cause instanceof Error) ? message : cause.message
}
