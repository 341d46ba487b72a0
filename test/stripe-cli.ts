/**
 * The Stripe CLI, as it comes from npm, pointed at a service. It runs in a home of its own, and its proxy is a closed port: whatever
 * it would send anywhere but to 127.0.0.1 fails.
 */
import { execFile } from 'node:child_process'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'

const CLI = program()
const NOWHERE = 'http://127.0.0.1:9'

export interface StripeCli {
  /** Runs one command and gives what it printed: its exit code is 0 for refusals too. */
  (...parameters: string[]): Promise<string>
  close(): void
}

export function stripeCli(apiBase: string, apiKey: string): StripeCli {
  const home = mkdtempSync(join(tmpdir(), 'stripe-cli-'))
  const { PATH = '' } = process.env
  const env = {
    PATH,
    HOME: home,
    XDG_CONFIG_HOME: join(home, 'config'),
    STRIPE_CLI_TELEMETRY_OPTOUT: '1',
    HTTP_PROXY: NOWHERE,
    HTTPS_PROXY: NOWHERE,
    NO_PROXY: '127.0.0.1',
  }
  const run = (...parameters: string[]): Promise<string> =>
    new Promise((resolve) => {
      const connection = ['--api-base', apiBase, '--api-key', apiKey, '--color', 'off']
      execFile(CLI, [...parameters, ...connection], { env }, (_error, stdout, stderr) => resolve(stdout + stderr))
    })
  return Object.assign(run, { close: () => rmSync(home, { recursive: true }) })
}

/** What npm's `stripe` starts, where npm installed it for this platform: without another Node.js process for each command. */
function program(): string {
  const name = `@stripe/cli-${process.platform}-${process.arch}/bin/stripe`
  const [installed, started] = [name, '.bin/stripe'].map((path) =>
    fileURLToPath(new URL(`../node_modules/${path}`, import.meta.url)),
  ) as [string, string]
  return existsSync(installed) ? installed : started
}
