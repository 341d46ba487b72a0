/**
 * The only reader of the environment. A bad value stops the start with one line that names the variable and what is
 * expected of it. Design §7.
 */
import { connectionStringProblem } from './event-store/eventstoredb-connection-string.js'
import { postgresUrlProblem } from './read-model/postgres-url.js'

export interface Config {
  readonly host: string
  /** 0: any free port. */
  readonly port: number
  /** Of the metrics; null: there are none. 0: any free port. */
  readonly metricsPort: number | null
  /** Where the metrics are listened for. */
  readonly metricsHost: string
  readonly dataDir: string
  readonly eventStoreUrl: string
  readonly readModelUrl: string
  readonly bootstrapApiKey: string | null
  /** Signs the tokens of sessions; null: what is kept in the data folder does. */
  readonly sessionSecret: string | null
  readonly logLevel: LogLevel
  /** Of one API key; null: no limit. */
  readonly rateLimits: { readonly eventsPerSecond: number | null; readonly requestsPerSecond: number | null }
}

/** How the commands that work through a running service reach it. */
export interface ServiceAccess {
  /** Without a slash at the end. */
  readonly url: string
  readonly apiKey: string
}

export const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'] as const
export type LogLevel = (typeof logLevels)[number]

/** Far above what one process takes. */
const RATE_PER_SECOND_MAX = 1_000_000

/** As many as 24 random bytes in base64: what is shorter might be guessed. */
const SESSION_SECRET_LENGTH_MIN = 32
const SESSION_SECRET_LENGTH_MAX = 255

export class ConfigError extends Error {
  override readonly name = 'ConfigError'
}

/** @throws ConfigError */
export function readConfig(environment: Readonly<Record<string, string | undefined>>): Config {
  const text = (name: string, otherwise: string): string => {
    const value = environment[name]
    return value === undefined || value === '' ? otherwise : value
  }
  const host = readHost('HOST', text('HOST', '127.0.0.1'))
  const port = readPort('PORT', text('PORT', '4242'))
  return {
    host,
    port,
    metricsPort: readMetricsPort(text('METRICS_PORT', ''), port),
    metricsHost: readHost('METRICS_HOST', text('METRICS_HOST', host)),
    dataDir: readDataDir(environment),
    eventStoreUrl: readEventStoreUrl(text('EVENT_STORE_URL', 'embedded:')),
    readModelUrl: readReadModelUrl(text('READ_MODEL_URL', 'embedded:')),
    bootstrapApiKey: readBootstrapApiKey(text('BOOTSTRAP_API_KEY', '')),
    sessionSecret: readSessionSecret(text('SESSION_SECRET', '')),
    logLevel: readLogLevel(text('LOG_LEVEL', 'info')),
    rateLimits: {
      eventsPerSecond: readRate('RATE_LIMIT_EVENTS_PER_SECOND', text('RATE_LIMIT_EVENTS_PER_SECOND', '')),
      requestsPerSecond: readRate('RATE_LIMIT_REQUESTS_PER_SECOND', text('RATE_LIMIT_REQUESTS_PER_SECOND', '')),
    },
  }
}

/** `url` comes from the command line, the key from there or from METERBOOK_API_KEY. @throws ConfigError */
export function readServiceAccess(
  url: string,
  environment: Readonly<Record<string, string | undefined>>,
): ServiceAccess {
  const parsed = URL.canParse(url) ? new URL(url) : null
  if (!parsed || !['http:', 'https:'].includes(parsed.protocol) || parsed.username !== '' || parsed.search !== '') {
    throw new ConfigError('--url must be the address of a service, such as http://127.0.0.1:4242.')
  }
  // METERBOOK_KEY is what `rebuild` took at first.
  const apiKey = environment.METERBOOK_API_KEY ?? environment.METERBOOK_KEY ?? ''
  if (!/^[\x21-\x7e]{1,255}$/.test(apiKey)) {
    throw new ConfigError('METERBOOK_API_KEY must be a secret key of the service that --url names; or give --api-key.')
  }
  return { url: `${parsed.origin}${parsed.pathname.replace(/\/+$/, '')}`, apiKey }
}

/** All that a command needs which works through a service: the other settings are not its own. */
export function readDataDir({ DATA_DIR = '' }: Readonly<Record<string, string | undefined>>): string {
  return DATA_DIR === '' ? './data' : DATA_DIR
}

/** Whether it is an address of this machine shows only once it is listened on. */
/** A name with several addresses would be listened for on each: only one of those servers is told of what is to be bounded. */
function readHost(name: HostSetting, text: string): string {
  if (text.toLowerCase() === 'localhost') return '127.0.0.1'
  if (!/\s/.test(text)) return text
  throw hostRefused(name, text)
}

export type HostSetting = 'HOST' | 'METRICS_HOST'

export function hostRefused(name: HostSetting, text: string): ConfigError {
  return new ConfigError(
    `${name} must be an address or a name of this machine, such as 127.0.0.1, or 0.0.0.0 for all of its addresses, not ${JSON.stringify(text)}.`,
  )
}

function readMetricsPort(text: string, portOfApi: number): number | null {
  if (text === '') return null
  const port = readPort('METRICS_PORT', text)
  if (port === 0 || port !== portOfApi) return port
  throw new ConfigError(`METRICS_PORT must be another port than PORT, which is ${portOfApi} too.`)
}

function readPort(name: string, text: string): number {
  const port = Number(text)
  if (/^\d{1,5}$/.test(text) && port <= 65_535) return port
  throw new ConfigError(`${name} must be a number from 0 to 65535, not ${JSON.stringify(text)}.`)
}

/** The value itself is not repeated: it may hold a password. */
function readUrl(name: string, text: string, schemes: readonly string[]): string {
  if (text === 'embedded:') return text
  if (schemes.some((scheme) => text.startsWith(`${scheme}//`) && text.length > scheme.length + 2)) return text
  const expected = ['embedded:', ...schemes.map((scheme) => `${scheme}//…`)].join(' or ')
  throw new ConfigError(`${name} must be ${expected}.`)
}

function readEventStoreUrl(text: string): string {
  const url = readUrl('EVENT_STORE_URL', text, ['esdb:', 'esdb+discover:'])
  const problem = url === 'embedded:' ? null : connectionStringProblem(url)
  if (problem === null) return url
  throw new ConfigError(`EVENT_STORE_URL must be a connection string of EventStoreDB that can be used: ${problem}.`)
}

function readReadModelUrl(text: string): string {
  const url = readUrl('READ_MODEL_URL', text, ['postgres:', 'postgresql:'])
  const problem = url === 'embedded:' ? null : postgresUrlProblem(url)
  if (problem === null) return url
  throw new ConfigError(
    `READ_MODEL_URL must be a connection string of PostgreSQL that can be used, such as postgres://user:password@host/database: ${problem}.`,
  )
}

function readBootstrapApiKey(text: string): string | null {
  if (text === '') return null
  if (/^sk_(test|live)_[A-Za-z0-9_]{8,247}$/.test(text)) return text
  throw new ConfigError(
    'BOOTSTRAP_API_KEY must begin with sk_test_ or sk_live_ and go on with at least 8 letters, digits or _.',
  )
}

/** The value itself is not repeated. */
function readSessionSecret(text: string): string | null {
  if (text === '') return null
  const { length } = text
  if (/^[\x21-\x7e]+$/.test(text) && length >= SESSION_SECRET_LENGTH_MIN && length <= SESSION_SECRET_LENGTH_MAX)
    return text
  throw new ConfigError(
    `SESSION_SECRET must have ${SESSION_SECRET_LENGTH_MIN} to ${SESSION_SECRET_LENGTH_MAX} characters of ASCII without spaces, such as \`openssl rand -hex 32\` prints.`,
  )
}

function readLogLevel(text: string): LogLevel {
  const level = logLevels.find((known) => known === text)
  if (level) return level
  throw new ConfigError(`LOG_LEVEL must be one of ${logLevels.join(', ')}, not ${JSON.stringify(text)}.`)
}

function readRate(name: string, text: string): number | null {
  if (text === '') return null
  const rate = Number(text)
  if (/^\d{1,7}$/.test(text) && rate >= 1 && rate <= RATE_PER_SECOND_MAX) return rate
  throw new ConfigError(
    `${name} must be a whole number from 1 to ${RATE_PER_SECOND_MAX}, or be left out for no limit, not ${JSON.stringify(text)}.`,
  )
}
