/** What `READ_MODEL_URL` says of a PostgreSQL database: a connection string as `psql` takes it, and a schema for the rows. */

/** Where the rows stand when the connection string does not say so. */
export const DEFAULT_SCHEMA = 'meterbook'

export interface PostgresSettings {
  /** Without what is only said to Meterbook. */
  readonly connectionString: string
  readonly schema: string
  /** As it may be told to anybody: without a user and a password. */
  readonly place: string
}

/** What may be said in it. The driver passes over what it does not know, a `sslmode` with a letter missing for instance. */
const PARAMETERS: ReadonlySet<string> = new Set([
  'schema',
  'host',
  'port',
  'user',
  'password',
  'ssl',
  'sslmode',
  'sslrootcert',
  'sslcert',
  'sslkey',
  'sslnegotiation',
  'uselibpqcompat',
  'application_name',
  'options',
])
const SSL_MODES: readonly string[] = ['disable', 'prefer', 'require', 'verify-ca', 'verify-full', 'no-verify']

/** Names that need no quotes, so that an operator can type them. */
const SCHEMA = /^[a-z_][a-z0-9_]{0,62}$/

/** Behind a user and a password, or as a parameter. */
const SEVERAL_HOSTS = /^[a-z]+:\/\/(?:[^/?#]*@)?[^/?#@]*,[^/?#@]*(?:[/?#]|$)|[?&]host=[^&#]*(?:,|%2c)/i

export function isPostgresUrl(url: string): boolean {
  return /^postgres(ql)?:\/\//.test(url)
}

/** What is wrong with it, for the end of a sentence; null where nothing is. The string is not repeated: it may hold a password. */
export function postgresUrlProblem(url: string): string | null {
  if (SEVERAL_HOSTS.test(url))
    return 'it names more than one host: name the server that takes writes, or an address that leads to it'
  if (!URL.canParse(url)) return 'it is no URL'
  const { hostname, pathname, username, password, searchParams } = new URL(url)
  if (!isDecodable(hostname) || !isDecodable(pathname) || !isDecodable(escaped(username) + escaped(password)))
    return 'it has a % that begins no letter: write a % that is meant itself as %25'
  if (hostname === '' && !searchParams.has('host')) return 'it names no host'
  if (!/^\/[^/]+$/.test(pathname)) return 'it names no database'
  const hasUnknown = [...searchParams.keys()].some((name) => !PARAMETERS.has(name))
  if (hasUnknown) return `it has a parameter that is none of ${[...PARAMETERS].join(', ')}`
  const wrongMode = searchParams.getAll('sslmode').find((mode) => !SSL_MODES.includes(mode))
  if (wrongMode !== undefined) return `its sslmode must be one of ${SSL_MODES.join(', ')}`
  const schemas = searchParams.getAll('schema')
  if (schemas.length > 1) return 'it names more than one schema'
  const [schema = DEFAULT_SCHEMA] = schemas
  if (schema === 'public' || schema === 'information_schema') return 'its schema must be one of Meterbook alone'
  if (!SCHEMA.test(schema) || schema.startsWith('pg_'))
    return 'its schema must be lower-case letters, digits and _, at most 63, and not begin with a digit or pg_'
  return null
}

function isDecodable(part: string): boolean {
  try {
    decodeURIComponent(part)
    return true
  } catch {
    return false
  }
}

/** The driver takes a % without two digits behind it for itself. */
function escaped(part: string): string {
  return part.replaceAll(/%(?![0-9a-f]{2})/gi, '%25')
}

/** Of a string without a problem. */
export function readPostgresUrl(url: string): PostgresSettings {
  const parsed = new URL(url)
  const schema = parsed.searchParams.get('schema') ?? DEFAULT_SCHEMA
  parsed.searchParams.delete('schema')
  // As the driver has it: a parameter goes before what stands in its place.
  const named = parsed.searchParams.getAll('host').at(-1)
  const host = named || decodeURIComponent(parsed.host)
  return {
    connectionString: parsed.toString(),
    schema,
    place: `schema ${schema} of the PostgreSQL database ${decodeURIComponent(parsed.pathname.slice(1))} at ${host}`,
  }
}
