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
    const advice = 'Mend READ_MODEL_URL.'
    if (isLasting(error)) return new ReadModelUnusable(`The ${place} cannot be used: ${reasonOf(error)}. ${advice}`)
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
  const [, advice = ''] = ADVICE.find(([prefix]) => code.startsWith(prefix)) ?? []
  return new ReadModelUnusable(`${told} ${advice}`.trimEnd(), { cause: error })
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

/** Where a name has several addresses the system's error has one for each, and no message of its own. */
function reasonOf(error: unknown): string {
  const { message = '', errors = [] } = error as { readonly message?: string; readonly errors?: readonly Error[] }
  return message === '' ? errors.map((each) => each.message).join('; ') : message
}
