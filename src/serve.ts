/**
 * Runs the service until it is told to stop, which it may be from the first moment: prints what a newcomer needs, and ends
 * with the exit code of how it ended.
 */
import { pino, type DestinationStream, type Logger } from 'pino'
import { ConfigError, readConfig, type Config } from './config.js'
import { OPEN_FILES_MIN, openFilesMax } from './open-files.js'
import { RepeatedLines } from './repeated-lines.js'
import type { Service } from './service.js'
import { standardOutput } from './standard-output.js'

/** pino's numbers of the levels at which lines may repeat: what is fatal does not. */
const WARN = 40
const FATAL = 60
/** Past this, a stop that hangs is given up. */
const STOP_TIMEOUT_MS = 60_000

/** Those that end a process which does not hear them: the terminal it was started from is gone, say. */
const STOPPING = ['SIGTERM', 'SIGINT', 'SIGHUP', 'SIGQUIT'] as const

export async function serve(overrides: Readonly<Record<string, string | undefined>> = {}): Promise<void> {
  const config = configOrExit(overrides)
  requireOpenFiles()
  const output = standardOutput()
  const repeated = new RepeatedLines()
  const hasTerminal = [process.stdin, process.stdout, process.stderr].some(({ isTTY }) => isTTY)
  let stoppedBy: NodeJS.Signals | null = null
  try {
    stoppedBy = await run(config, serviceLog(config, repeated, output), repeated)
  } finally {
    repeated.tell()
    output.endSoon()
  }
  // Without its terminal Node.js aborts when it ends by itself, because it wants to put the terminal back as it was.
  if (stoppedBy === 'SIGHUP' && hasTerminal) {
    process.removeAllListeners('SIGHUP')
    process.kill(process.pid, 'SIGHUP')
  }
}

function serviceLog({ logLevel }: Config, repeated: RepeatedLines, output: DestinationStream): Logger {
  return pino(
    {
      level: logLevel,
      base: null,
      timestamp: pino.stdTimeFunctions.isoTime,
      redact: ['req.headers.authorization', 'headers.authorization'],
      // The other one appends the messages of causes, which messages here repeat already.
      serializers: { err: pino.stdSerializers.errWithCause },
      hooks: {
        logMethod(line, write, level) {
          const [fields, message] = line as unknown[]
          const isPlain = typeof fields === 'object' && fields !== null && !(fields instanceof Error)
          if (level < WARN || level >= FATAL || !isPlain || typeof message !== 'string') return write.apply(this, line)
          repeated.add({ level, fields, message, write: (said) => write.apply(this, [said, message]) })
        },
      },
    },
    output,
  )
}

/** Until it is stopped; answers the signal that did. null: it ended otherwise, as its exit code says. */
async function run(config: Config, log: Logger, repeated: RepeatedLines): Promise<NodeJS.Signals | null> {
  const stopping = new AbortController()
  const told = new Promise<NodeJS.Signals>((resolve) => {
    const stop = (signal: NodeJS.Signals): void => {
      if (stopping.signal.aborted) return
      log.info({ signal }, 'Stopping: no new requests; what was taken on is being settled.')
      setTimeout(() => {
        repeated.tell()
        log.fatal('Stopping took too long.')
        process.exit(1)
      }, STOP_TIMEOUT_MS).unref()
      stopping.abort()
      resolve(signal)
    }
    for (const signal of STOPPING) process.on(signal, stop)
    // Some programs that rotate logs send it; unheard it would end the process at once.
    process.on('SIGUSR2', (signal) =>
      log.info({ signal }, 'There is nothing to be read again: lines go to standard output.'),
    )
  })
  let service: Service
  try {
    // Loading it takes half a second, in which process 1 of a container would not hear a signal that nobody handles yet.
    const { startService } = await import('./service.js')
    service = await startService({ config, log, signal: stopping.signal })
  } catch (error) {
    if (error === stopping.signal.reason) {
      log.info('Stopped before it was started.')
      return await told
    }
    if (error instanceof ConfigError) return exitFor(error)
    log.fatal({ err: error }, 'Meterbook could not start.')
    process.stderr.write(`Meterbook could not start: ${error instanceof Error ? error.message : String(error)}\n`)
    process.exitCode = 1
    return null
  }
  process.stdout.write(greeting(service, config))
  // Their schemes alone: the rest may hold a password.
  const [eventStore, readModel] = [config.eventStoreUrl, config.readModelUrl].map((url) => url.split(':', 1)[0])
  log.info({ url: service.url, eventStore, readModel }, 'Meterbook is listening.')

  const signal = await told
  try {
    await service.close()
    repeated.tell()
    log.info('Stopped.')
  } catch (error) {
    repeated.tell()
    log.fatal({ err: error }, 'Stopping failed.')
    process.exit(1)
  }
  return signal
}

function configOrExit(overrides: Readonly<Record<string, string | undefined>>): Config {
  try {
    return readConfig({ ...process.env, ...overrides })
  } catch (error) {
    if (!(error instanceof ConfigError)) throw error
    return exitFor(error)
  }
}

/** With fewer than it needs it would end while it loads, with a message about a package. */
function requireOpenFiles(): void {
  const openFiles = openFilesMax()
  if (openFiles === null || openFiles >= OPEN_FILES_MIN) return
  exitFor(
    new ConfigError(
      `This process may have ${openFiles} files and connections open at once, and needs at least ${OPEN_FILES_MIN}. Raise the limit: ulimit -n, or LimitNOFILE of systemd.`,
    ),
  )
}

function exitFor({ message }: ConfigError): never {
  process.stderr.write(`${message}\n`)
  process.exit(2)
}

function greeting({ url, issuedKey }: Service, { host }: Config): string {
  const { hostname, port } = new URL(url)
  const key = issuedKey ?? 'sk_test_…'
  // The wildcard address is where it listens, not where a client connects.
  const address = host === '0.0.0.0' || host === '::' ? '127.0.0.1' : hostname
  const reached = `http://${address}:${port}`
  const lines = [`Meterbook is listening on ${url}   (dashboard: ${reached}/  API description: ${reached}/docs)`, '']
  if (issuedKey === null) return [...lines, ''].join('\n')
  return [
    ...lines,
    `Your test key, shown this once: ${key}`,
    '',
    'Paste this into a file such as first.mjs (after: npm install stripe) and run it with node:',
    '',
    "  import Stripe from 'stripe'",
    '',
    `  const stripe = new Stripe('${key}', { host: '${address}', port: ${port}, protocol: 'http' })`,
    '  const meter = await stripe.billing.meters.create({',
    "    display_name: 'Alpaca AI tokens',",
    "    event_name: 'alpaca_ai_tokens',",
    "    default_aggregation: { formula: 'sum' },",
    '  })',
    '  for (const value of [100, 250, 50]) {',
    '    await stripe.billing.meterEvents.create({',
    "      event_name: 'alpaca_ai_tokens',",
    "      payload: { stripe_customer_id: 'cus_alpaca', value: String(value) },",
    '    })',
    '  }',
    '  const day = 24 * 60 * 60',
    '  const today = Math.floor(Date.now() / 1000 / day) * day',
    '  const { data } = await stripe.billing.meters.listEventSummaries(meter.id, {',
    "    customer: 'cus_alpaca', start_time: today, end_time: today + day,",
    '  })',
    '  console.log(data[0].aggregated_value) // 400',
    '',
    '',
  ].join('\n')
}
