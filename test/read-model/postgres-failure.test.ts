/** What the read model makes of PostgreSQL's errors: whether waiting may mend it, or somebody has to. */
import { expect, it } from '@jest/globals'
import pg from 'pg'
import { postgresFailure, readingFailure } from '../../src/read-model/postgres-failure.js'
import { postgresUrlProblem, readPostgresUrl } from '../../src/read-model/postgres-url.js'
import {
  ReadModelDamaged,
  ReadModelOutOfReach,
  ReadModelUnavailable,
  ReadModelUnusable,
  TablesKept,
} from '../../src/read-model/read-model.js'

const settings = readPostgresUrl('postgres://user:secret@db.example:5432/usage?schema=rows')
const PLACE = 'schema rows of the PostgreSQL database usage at db.example:5432'

function answered(code: string, message = 'as the server says'): pg.DatabaseError {
  return Object.assign(new pg.DatabaseError(message, message.length, 'error'), { code })
}

it.each([
  ['08006', 'connection failure'],
  ['40P01', 'deadlock detected'],
  ['40001', 'serialization failure'],
  ['53100', 'could not extend file: No space left on device'],
  ['53300', 'too many connections'],
  ['57P01', 'terminating connection due to administrator command'],
  ['57P03', 'the database system is starting up'],
  ['55P03', 'lock timeout'],
  ['57014', 'statement timeout'],
  ['58030', 'could not write to file'],
  ['25P03', 'idle in transaction'],
  ['25006', 'read-only transaction'],
  ['0A000', 'cannot begin a writing transaction on a standby'],
  // Said of a full disk to each new connection, without the class of a full disk.
  ['XX000', 'could not write init file'],
])('%s (%s) is waited for', (code, message) => {
  const failure = postgresFailure(settings, answered(code, message))
  expect(failure).toBeInstanceOf(ReadModelUnavailable)
  expect((failure as Error).message).toBe(`The ${PLACE} refused: ${message} (${code}).`)
})

it.each(['XX001', 'XX002', '42P01', '42703'])('%s is damage, with how it is mended', (code) => {
  const failure = postgresFailure(settings, answered(code))
  expect(failure).toBeInstanceOf(ReadModelDamaged)
  expect((failure as Error).message).toBe(
    `The ${PLACE} is damaged: as the server says (${code}). Stop the service and drop ${PLACE} (DROP SCHEMA rows CASCADE): rows are made again from the event log at the next start.`,
  )
})

it.each([
  ['28P01', ' Mend the user or the password in READ_MODEL_URL.'],
  ['28000', ' Mend the user or the password in READ_MODEL_URL.'],
  ['3D000', ' Create the database (createdb), or name another one in READ_MODEL_URL.'],
  ['42501', ' Grant the user CREATE on the database, or make it the owner of the schema.'],
  // Nothing is known of it.
  ['22P02', ''],
])('%s is for somebody to mend', (code, advice) => {
  const failure = postgresFailure(settings, answered(code)) as ReadModelUnusable
  expect(failure).toBeInstanceOf(ReadModelUnusable)
  expect([failure.message, failure.isPassing]).toEqual([
    `The ${PLACE} refused: as the server says (${code}).${advice}`,
    false,
  ])
})

it('what the way to the server gave is waited for, unless nothing was sent at all', () => {
  const refused = Object.assign(new AggregateError([new Error('refused at ::1'), new Error('refused at 127.0.0.1')]), {
    code: 'ECONNREFUSED',
  })
  expect(postgresFailure(settings, refused)).toBeInstanceOf(ReadModelUnavailable)
  expect((postgresFailure(settings, refused) as Error).message).toBe(
    `The ${PLACE} cannot be reached: refused at ::1; refused at 127.0.0.1`,
  )
  for (const lasting of [
    new Error('SASL: SCRAM-SERVER-FINAL-MESSAGE: server signature does not match'),
    Object.assign(new Error('ENOENT: no such file'), { syscall: 'open' }),
  ]) {
    expect(postgresFailure(settings, lasting)).toMatchObject({
      name: 'ReadModelUnusable',
      isPassing: false,
      message: `The ${PLACE} cannot be used: ${lasting.message}. Mend READ_MODEL_URL.`,
    })
  }
})

it.each([
  ['SASL: SCRAM-SERVER-FIRST-MESSAGE: client password must be a string', undefined, 'it asks for a password, and READ_MODEL_URL has none.'], // prettier-ignore
  ['The server does not support SSL connections', undefined, 'The server does not support SSL connections. Have the server offer TLS (ssl = on), or say sslmode=disable in READ_MODEL_URL where the way to it is safe without.'], // prettier-ignore
  ['self-signed certificate in certificate chain', 'SELF_SIGNED_CERT_IN_CHAIN', "self-signed certificate in certificate chain. Name the certificate of the authority that issued the server's in READ_MODEL_URL (sslrootcert=/path/ca.pem); sslmode=no-verify checks none."], // prettier-ignore
  ['certificate has expired', 'CERT_HAS_EXPIRED', "certificate has expired. Renew the server's certificate."],
])('%s is for somebody to mend, and told with what to do', (message, code, told) => {
  expect(postgresFailure(settings, Object.assign(new Error(message), code && { code }))).toMatchObject({
    name: 'ReadModelUnusable',
    isPassing: false,
    message: `The ${PLACE} cannot be used: ${told}`,
  })
})

it.each([
  ['no encryption', "Where the server asks for TLS, say sslmode=verify-full (with sslrootcert=/path/ca.pem) in READ_MODEL_URL. Otherwise: Let the user in by the server's pg_hba.conf."], // prettier-ignore
  ['SSL off', "Where the server asks for TLS, say sslmode=verify-full (with sslrootcert=/path/ca.pem) in READ_MODEL_URL. Otherwise: Let the user in by the server's pg_hba.conf."], // prettier-ignore
  ['SSL encryption', "Let the user in by the server's pg_hba.conf."],
])('a user whom no rule of the server lets in with %s is not told to mend the password', (how, advice) => {
  const message = `no pg_hba.conf entry for host "10.0.0.7", user "app", database "usage", ${how}`
  expect((postgresFailure(settings, answered('28000', message)) as Error).message).toBe(
    `The ${PLACE} refused: ${message} (28000). ${advice}`,
  )
})

it.each([
  ['postgres://h1,h2/usage'],
  ['postgres://user:secret@h1:5432,h2:5433/usage'],
  ['postgres:///usage?host=h1,h2'],
])('%s names more than one host', (url) => {
  expect(postgresUrlProblem(url)).toBe(
    'it names more than one host: name the server that takes writes, or an address that leads to it',
  )
})

it('a comma elsewhere is none between hosts', () => {
  expect(postgresUrlProblem('postgres://user:a,b@host/usage?options=-c%20search_path=a,b')).toBe(null)
})

it.each([
  ['postgres://host/%zz'],
  ['postgres://host/usage%'],
  ['postgres://host/%ff'],
  ['postgres://host%zz/usage'],
  ['postgres://%ff:secret@host/usage'],
  ['postgres://user:%e9@host/usage'],
])('%s has a %% that nobody can read', (url) => {
  expect(postgresUrlProblem(url)).toBe('it has a % that begins no letter: write a % that is meant itself as %25')
})

it.each([['postgres://user:50%@host/usage'], ['postgres://us%zer:%25%c3%a9@host/%e9%a1%a7']])(
  'the driver reads every %% of %s',
  (url) => {
    expect(postgresUrlProblem(url)).toBe(null)
    expect(() => new pg.Client(readPostgresUrl(url).connectionString)).not.toThrow()
  },
)

it.each([
  ['postgres:///usage?host=/var/run/postgresql', '/var/run/postgresql'],
  ['postgres://user@localhost/usage?host=/tmp', '/tmp'],
  ['postgres://user@%2Fvar%2Frun/usage', '/var/run'],
  ['postgres://user:secret@host:6432/usage', 'host:6432'],
])('of %s the place is told as the driver takes it', (url, at) => {
  expect(readPostgresUrl(url).place).toBe(`schema meterbook of the PostgreSQL database usage at ${at}`)
})

it('what is described already stays as it is', () => {
  for (const error of [
    new ReadModelDamaged('a'),
    new ReadModelUnusable('b'),
    new ReadModelUnavailable('c'),
    new TablesKept(),
  ])
    expect(postgresFailure(settings, error)).toBe(error)
})

it('a read is told whether the server answered, or nothing did', () => {
  const reading = (error: Error) => readingFailure(postgresFailure(settings, error) as ReadModelUnavailable)
  const [refused, unreached] = [reading(answered('53300')), reading(new Error('connect ECONNREFUSED'))]
  expect([refused.isPassing, refused instanceof ReadModelOutOfReach]).toEqual([true, false])
  expect([unreached.isPassing, unreached instanceof ReadModelOutOfReach]).toEqual([true, true])
})
