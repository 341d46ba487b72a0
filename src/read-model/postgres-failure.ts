/** What PostgreSQL's errors mean for the read model. Messages name the place and what to do, and never the password. */
import pg from 'pg'
import {
  ReadModelDamaged,
  ReadModelOutOfReach,
  ReadModelUnavailable,
  ReadModelUnusable,
  TablesKept,
} from './read-model.js'
import type { PostgresSettings } from './postgres-url.js'

/** Classes of SQLSTATE, or whole ones, that pass by themselves or once somebody made room or started a server. */
const PASSING = [
  '08', // connection
  '40', // rolled back by the server
  '53', // no room on the disk, in memory or among connections
  '57P', // shut down, starting up
  '55P03', // a lock was not to be had
  '57014', // took too long
  '58', // input and output
  '25P03', // it stood still in the middle of a transaction
  '25006', // read only: a standby, in the middle of a failover
  '0A000', // and what it says of a transaction that is to write
  'XX000', // internal: no new connection gets further where the disk has no room for the server's own files
]
/** What is stored cannot be read, or tables and columns are not there. */
const DAMAGED = ['XX001', 'XX002', '42P01', '42703']

const ADVICE: readonly (readonly [prefix: string, what: string])[] = [
  ['28', 'Mend the user or the password in READ_MODEL_URL.'],
  ['3D000', 'Create the database (createdb), or name another one in READ_MODEL_URL.'],
  ['42501', 'Grant the user CREATE on the database, or make it the owner of the schema.'],
]

const MEND_URL = 'Mend READ_MODEL_URL.'
/** Nothing of the server's was checked and found good: these do not pass, but whoever has been let in may meet them later. */
const TLS_ADVICE: readonly (readonly [codes: readonly string[], what: string])[] = [
  [
    ['ERR_TLS_CERT_ALTNAME_INVALID'],
    'Name the server in READ_MODEL_URL as its certificate does, or give it one for that name; sslmode=no-verify checks neither.',
  ],
  [['CERT_HAS_EXPIRED', 'CERT_NOT_YET_VALID'], "Renew the server's certificate."],
  [
    [
      'SELF_SIGNED_CERT_IN_CHAIN',
      'DEPTH_ZERO_SELF_SIGNED_CERT',
      'UNABLE_TO_VERIFY_LEAF_SIGNATURE',
      'UNABLE_TO_GET_ISSUER_CERT',
      'UNABLE_TO_GET_ISSUER_CERT_LOCALLY',
      'CERT_SIGNATURE_FAILURE',
      'CERT_UNTRUSTED',
      'INVALID_CA',
    ],
    "Name the certificate of the authority that issued the server's in READ_MODEL_URL (sslrootcert=/path/ca.pem); sslmode=no-verify checks none.",
  ],
]
const NO_TLS = 'The server does not support SSL connections'
const NO_TLS_ADVICE =
  'Have the server offer TLS (ssl = on), or say sslmode=disable in READ_MODEL_URL where the way to it is safe without.'

const DESCRIBED = [ReadModelDamaged, ReadModelUnusable, ReadModelUnavailable, TablesKept]

/** How an operator has the rows made anew. */
export function removalOf({ schema, place }: PostgresSettings): string {
  return `drop ${place} (DROP SCHEMA ${schema} CASCADE)`
}

/** Of an error that the server or the way to it gave; one that is described already stays as it is. */
export function postgresFailure(settings: PostgresSettings, error: unknown): unknown {
  if (DESCRIBED.some((kind) => error instanceof kind)) return error
  const { place } = settings
  if (!(error instanceof pg.DatabaseError)) {
    const advice = tlsAdvice(error) ?? (isLasting(error) ? MEND_URL : null)
    const cannot = `The ${place} cannot be used: `
    if (isWithoutPassword(error))
      return new ReadModelUnusable(`${cannot}it asks for a password, and READ_MODEL_URL has none.`, { cause: error })
    if (advice !== null) return new ReadModelUnusable(`${cannot}${reasonOf(error)}. ${advice}`, { cause: error })
    return new ReadModelUnavailable(`The ${place} cannot be reached: ${reasonOf(error)}`, { cause: error })
  }
  const { code = '', message } = error
  const isOneOf = (prefixes: readonly string[]): boolean => prefixes.some((prefix) => code.startsWith(prefix))
  const told = `The ${place} refused: ${message} (${code}).`
  if (isOneOf(PASSING)) return new ReadModelUnavailable(told, { cause: error })
  if (isOneOf(DAMAGED)) {
    const mending = `Stop the service and ${removalOf(settings)}: rows are made again from the event log at the next start.`
    return new ReadModelDamaged(`The ${place} is damaged: ${message} (${code}). ${mending}`, { cause: error })
  }
  const [, known = ''] = ADVICE.find(([prefix]) => code.startsWith(prefix)) ?? []
  const advice = code === '28000' && message.includes('pg_hba.conf') ? letInAdvice(message) : known
  return new ReadModelUnusable(`${told} ${advice}`.trimEnd(), { cause: error })
}

/** What to do where TLS was not to be had as `sslmode` asks for it; null of anything else. */
export function tlsAdvice(error: unknown): string | null {
  const { code = '', message = '' } = (error ?? {}) as { readonly code?: string; readonly message?: string }
  if (message === NO_TLS) return NO_TLS_ADVICE
  return TLS_ADVICE.find(([codes]) => codes.includes(code))?.[1] ?? null
}

/** It names the user, the database and how it was asked; up to version 13 in other words. */
function letInAdvice(message: string): string {
  const letIn = "Let the user in by the server's pg_hba.conf."
  if (!/no encryption|SSL off/.test(message)) return letIn
  return `Where the server asks for TLS, say sslmode=verify-full (with sslrootcert=/path/ca.pem) in READ_MODEL_URL. Otherwise: ${letIn}`
}

/** Of one of a read. */
export function readingFailure({ message, cause }: ReadModelUnavailable): ReadModelUnusable {
  const isAnswer = cause instanceof pg.DatabaseError
  return isAnswer ? new ReadModelUnusable(message, { cause }, true) : new ReadModelOutOfReach(message, { cause })
}

/** Nothing was sent yet: there is no password, or a file that the URL names is not there. */
function isLasting(error: unknown): boolean {
  const { syscall, message = '' } = error as { readonly syscall?: string; readonly message?: string }
  return syscall === 'open' || message.startsWith('SASL: ')
}

function isWithoutPassword(error: unknown): boolean {
  const { message = '' } = error as { readonly message?: string }
  return message.startsWith('SASL: ') && message.includes('client password must be a')
}

/** Where a name has several addresses the system's error has one for each, and no message of its own. */
function reasonOf(error: unknown): string {
  const { message = '', errors = [] } = error as { readonly message?: string; readonly errors?: readonly Error[] }
  return message === '' ? errors.map((each) => each.message).join('; ') : message
}
