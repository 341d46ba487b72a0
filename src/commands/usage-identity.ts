/**
 * Identifiers made for events that came without one: the same again when the same thing is sent again, and never the same for
 * two things. Design §3.1.
 */
import { createHash } from 'node:crypto'

/** UUIDv5 namespace of identifiers made for requests that gave none but an idempotency key; permanent. */
const REQUEST_IDENTIFIERS = Buffer.from('5b1e8f0c3f0a4f52b7a4c3d9e2f61a70', 'hex')
/**
 * UUIDv5 namespace of those made for single events whose key ends like the name of an event of a batch, with a space and its
 * place: they would be the batch's otherwise; permanent.
 */
const NUMBERED_KEYS = Buffer.from('c41f2b7e90d84f6cb1a25e07d3986fa4', 'hex')
const NUMBERED_KEY = / \d+$/
/** UUIDv5 namespace of identifiers made for imported lines that gave none; permanent. */
const IMPORTED_LINES = Buffer.from('8e0f6d0b1c7a4c0d9d51f2f4b7a6c3e4', 'hex')

/** The identifier of the one event of a request that came without one: the same again when it is retried with its key. */
export function identifierOfRequest(ledger: string, idempotencyKey: string): string {
  const namespace = NUMBERED_KEY.test(idempotencyKey) ? NUMBERED_KEYS : REQUEST_IDENTIFIERS
  return uuidV5(namespace, `${ledger} ${idempotencyKey}`)
}

/** The identifier of an event of a batch that came without one, by its place there, from 0. */
export function identifierInBatch(ledger: string, idempotencyKey: string, place: number): string {
  return uuidV5(REQUEST_IDENTIFIERS, `${ledger} ${idempotencyKey} ${place}`)
}

/** The identifier of an imported line that came without one: the same again whenever the same source is imported. */
export function identifierOfLine(source: string, line: number): string {
  return uuidV5(IMPORTED_LINES, `${source} ${line}`)
}

function uuidV5(namespace: Buffer, name: string): string {
  const hash = createHash('sha1').update(namespace).update(name).digest()
  hash[6] = ((hash[6] as number) & 0x0f) | 0x50
  hash[8] = ((hash[8] as number) & 0x3f) | 0x80
  const hex = hash.toString('hex')
  return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20, 32)}`
}
