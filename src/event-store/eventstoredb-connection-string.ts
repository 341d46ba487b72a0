/**
 * Whether a text is a connection string of EventStoreDB. The client's own parser says so; loading the client takes as long as
 * all the rest of a start, so it is loaded here only where such a text is to be read.
 */
import { createRequire } from 'node:module'

const EXAMPLE = 'as in esdb://host:2113?tls=false'
const PORT_MAX = 65_535
/** The client takes any spelling of them, and prints the whole text, password and all, where there is another one. */
const PARAMETERS = [
  'connectionName',
  'defaultDeadline',
  'discoveryInterval',
  'gossipTimeout',
  'keepAliveInterval',
  'keepAliveTimeout',
  'maxDiscoverAttempts',
  'nodePreference',
  'throwOnAppendFailure',
  'tls',
  'tlsCAFile',
  'tlsVerifyCert',
  'userCertFile',
  'userKeyFile',
]
const KNOWN = new Set(PARAMETERS.map(plainName))

/** What is wrong with a connection string, files that it names included; null where nothing is. Quotes nothing of it. */
export function connectionStringProblem(url: string): string | null {
  const [before = '', hosts = ''] = /^esdb(?:\+discover)?:\/\/(?:[^:]+:[^@]+@)?([^/?]*)/.exec(url.trim()) ?? []
  // The client takes anything for a host, and for a port whatever begins with a number.
  if (!hosts.split(',').every(isHost)) return `it must name hosts, with ports up to ${PORT_MAX}, ${EXAMPLE}`
  // With it off a conflict comes back looking like an append, and with a wrong revision.
  if (/[?&]throw[-_]?on[-_]?append[-_]?failure=(?!true(?:&|$))/i.test(url))
    return 'it must leave throwOnAppendFailure on'
  const names = url
    .trim()
    .slice(before.length)
    .matchAll(/[?&]([^=]+)=/g)
  for (const [, name = ''] of names) {
    if (!KNOWN.has(plainName(name))) return `it has a parameter that is none of ${PARAMETERS.join(', ')}`
  }
  try {
    loadClient().EventStoreDBClient.connectionString(withoutWarnings(url))
    return null
  } catch (error) {
    return reasonOf(error)
  }
}

/**
 * As the client is given it: it checks certificates whatever `tlsVerifyCert` says, and where that is off it says so, with the
 * whole text.
 */
export function withoutWarnings(url: string): string {
  // What comes before an @ is a password.
  return url.replace(/([?&]tls[-_]?verify[-_]?cert)=false(?=&|\s*$)(?!.*@)/gi, '$1=true')
}

function plainName(name: string): string {
  return name.trim().toLowerCase().replace(/[-_]/g, '')
}

function isHost(text: string): boolean {
  const parts = /^[\w.-]+(?::(\d{1,5}))?$/.exec(text)
  if (parts?.[1] === undefined) return parts !== null
  return Number(parts[1]) >= 1 && Number(parts[1]) <= PORT_MAX
}

/** A parser's error quotes what it met, password and all; what it expected where does not. */
function reasonOf(error: unknown): string {
  const { location, expected } = error as { location?: unknown; expected?: unknown }
  if (Array.isArray(location)) return `expected ${String(expected)} at character ${Number(location[0]) + 1}, ${EXAMPLE}`
  return (error instanceof Error ? error.message : String(error)).replace(/\.$/, '')
}

function loadClient(): typeof import('@eventstore/db-client') {
  return createRequire(import.meta.url)('@eventstore/db-client') as typeof import('@eventstore/db-client')
}
