/**
 * `node dist/healthcheck.js`: asks the service that runs with the same settings whether it is alive, and ends with 0 or 1. For a
 * container's health check; an orchestrator that asks over HTTP uses `/healthz` and `/readyz`.
 */
import { ConfigError, readConfig, type Config } from './config.js'

const ANSWER_WITHIN_MS = 4_000
/** Of a host that stands for all addresses, the one of this machine. */
const OWN: Readonly<Record<string, string>> = { '0.0.0.0': '127.0.0.1', '::': '::1' }

try {
  const answer = await fetch(healthUrl(readConfig(process.env)), { signal: AbortSignal.timeout(ANSWER_WITHIN_MS) })
  process.stdout.write(`${answer.status} ${await answer.text()}\n`)
  process.exitCode = answer.ok ? 0 : 1
} catch (error) {
  const { message, cause } = error as Error
  process.stderr.write(`${error instanceof ConfigError || !(cause instanceof Error) ? message : cause.message}\n`)
  process.exitCode = 1
}

function healthUrl({ host, port }: Config): string {
  const address = OWN[host] ?? host
  return `http://${address.includes(':') ? `[${address}]` : address}:${port}/healthz`
}
