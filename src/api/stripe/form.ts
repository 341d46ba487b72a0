/**
 * Parameters of a form body or a query string, in every spelling Stripe's clients use: `a[b]=c`, `a[]=x`, `a[0]=x`,
 * `a[][b]=c`, repeated keys, brackets literal or escaped, `+` or `%20`.
 *
 * Nothing is guessed and nothing dropped: what has two readings is refused. `a[0]=x` alone is a list or a hash with the key
 * `0`, by what the parameter is declared to be: it is read as a list, and `hashOf` says what it is as a hash. Keys that are
 * no list's (`a[7]=x`) make a hash at once. Hashes have no prototype, so `__proto__` is a key like any other. Work is linear
 * in the body and bounded by the limits below.
 */
import { ApiError } from './api-error.js'
import { decodeUtf8, NAME_LENGTH_MAX, quote, requireName, requireText } from './wire-text.js'

export type ParameterValue = string | ParameterValue[] | { [key: string]: ParameterValue }
export type Parameters = Record<string, ParameterValue>

/** Parameters of one request; a meter event at its largest has about 60. */
export const PARAMETERS_MAX = 1000
/** Levels of a parameter's name: `a[b][c]` has three. */
export const PARAMETER_DEPTH_MAX = 8
/** Entries of a list, so also the bound on an index. */
export const LIST_LENGTH_MAX = 500

const INDEX = /^(?:0|[1-9]\d*)$/

/** A parameter's name. */
interface Name {
  readonly text: string
  /** `a[b][]` → `['a', 'b', '']` */
  readonly path: readonly string[]
  /** Whether any of it may be a list. */
  readonly hasList: boolean
}

/** Names taken apart, by how they were sent: clients send the same few again and again. All are forgotten when it is full. */
const names = new Map<string, Name>()
const NAMES_REMEMBERED_MAX = 500
const REMEMBERED_NAME_LENGTH_MAX = 100
/** Characters that stand for one of a text: three bytes, each escaped. */
const ESCAPED_LENGTH_MAX = 9

/** Lists made from `a=1&a=2`, which take only further values, not entries with an index. */
type Repeated = Set<ParameterValue[]>
type Container = ParameterValue[] | Parameters

/** Lists of which every entry was given its index. */
const indexed = new WeakSet<object>()

/** What may stand for a hash, as one; anything else as it is. */
export function hashOf(value: unknown): unknown {
  return Array.isArray(value) && indexed.has(value) ? Object.assign(emptyHash(), value) : value
}

/**
 * Why a hash is not the list it may have been meant for: its keys are indexes, but not those of a list. null where they are
 * not, and for anything else.
 */
export function listProblem(value: unknown): string | null {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return null
  const keys = new Set(Object.keys(value))
  if (keys.size === 0 || ![...keys].every((key) => INDEX.test(key))) return null
  for (let index = 0; index < keys.size; index++) if (!keys.has(String(index))) return `has no entry ${index}`
  return keys.size > LIST_LENGTH_MAX ? `has more than ${LIST_LENGTH_MAX} entries` : null
}

export function parseForm(body: Uint8Array | string): Parameters {
  const text = typeof body === 'string' ? body.replaceAll('+', ' ') : decodeUtf8(withSpaces(body))
  const pairs = text.split('&', PARAMETERS_MAX + 1)
  if (pairs.length > PARAMETERS_MAX) {
    throw ApiError.invalidRequest(`Invalid request: at most ${PARAMETERS_MAX} parameters are accepted.`)
  }
  const parameters = emptyHash()
  const repeated: Repeated = new Set()
  let hasLists = false
  for (const pair of pairs) {
    if (pair === '') continue
    const equals = pair.indexOf('=')
    const { text: name, path, hasList } = readName(equals === -1 ? pair : pair.slice(0, equals))
    const value = equals === -1 ? '' : unescape(pair.slice(equals + 1), name)
    requireText(value, name)
    assign(parameters, path, value, name, repeated)
    hasLists ||= hasList
  }
  if (hasLists) settleLists(parameters, '')
  return parameters
}

const PLUS = 0x2b
const SPACE = 0x20

/** A plus stands for a space; one that is meant is escaped. Among bytes, since in a text a million of them take long. */
function withSpaces(body: Uint8Array): Uint8Array {
  if (!body.includes(PLUS)) return body
  const spaced = new Uint8Array(body)
  for (let at = 0; at < spaced.length; at++) if (spaced[at] === PLUS) spaced[at] = SPACE
  return spaced
}

/** The parameters of a request's URL. Node gives each byte of it as one character. */
export function parseQuery(url: string): Parameters {
  const question = url.indexOf('?')
  return question === -1 ? emptyHash() : parseForm(Buffer.from(url.slice(question + 1), 'latin1'))
}

function readName(sent: string): Name {
  const known = names.get(sent)
  if (known) return known
  if (sent.length > NAME_LENGTH_MAX * ESCAPED_LENGTH_MAX) requireName(sent)
  // A copy: a part of a body would keep the whole of it in memory.
  const own = Buffer.from(sent).toString()
  const text = unescape(own, null)
  requireName(text)
  const path = readPath(text)
  const name = { text, path, hasList: path.some(isListKey) }
  if (sent.length > REMEMBERED_NAME_LENGTH_MAX) return name
  if (names.size >= NAMES_REMEMBERED_MAX) names.clear()
  names.set(own, name)
  return name
}

function unescape(text: string, param: string | null): string {
  if (!text.includes('%')) return text
  try {
    return decodeURIComponent(text)
  } catch {
    const what = param === null ? 'a parameter name' : `the value of ${quote(param)}`
    const problem = /%(?![0-9a-fA-F]{2})/.test(text) ? 'has a malformed percent escape' : 'is not valid UTF-8'
    throw ApiError.invalidRequest(`Invalid request: ${what} ${problem}.`, 'parameter_invalid', param)
  }
}

function readPath(name: string): string[] {
  const open = name.indexOf('[')
  const path = [open === -1 ? name : name.slice(0, open)]
  let at = open === -1 ? name.length : open
  while (at < name.length) {
    const close = name[at] === '[' ? name.indexOf(']', at) : -1
    if (close === -1) throw unbalanced(name)
    path.push(name.slice(at + 1, close))
    if (path.length > PARAMETER_DEPTH_MAX) {
      throw ApiError.invalidRequest(
        `Invalid request: the parameter ${quote(name)} is nested more than ${PARAMETER_DEPTH_MAX} levels deep.`,
        'parameter_invalid',
        name,
      )
    }
    at = close + 1
  }
  if (path[0] === '') throw ApiError.invalidRequest('Invalid request: a parameter has no name.')
  if (path.some((key) => key.includes('[') || key.includes(']'))) throw unbalanced(name)
  return path
}

function unbalanced(name: string): ApiError {
  return ApiError.invalidRequest(
    `Invalid request: unbalanced brackets in the parameter ${quote(name)}.`,
    'parameter_invalid',
    name,
  )
}

function assign(root: Parameters, path: readonly string[], value: string, name: string, repeated: Repeated): void {
  let container: Container = root
  for (let level = 0; level < path.length - 1; level++) {
    const key = keyFor(container, path, level, name)
    const next = path[level + 1] ?? ''
    const existing = child(container, key)
    if (typeof existing === 'string' || repeated.has(existing as ParameterValue[])) {
      throw contradiction(name, 'a value', isListKey(next) ? 'a list' : 'a hash')
    }
    const taking = containerFor(existing, next, name)
    if (taking !== existing) put(container, key, taking)
    container = taking
  }
  const key = keyFor(container, path, path.length - 1, name)
  const existing = child(container, key)
  if (existing === undefined) {
    put(container, key, value)
  } else if (typeof existing === 'string') {
    const values = [existing, value]
    repeated.add(values)
    put(container, key, values)
  } else if (repeated.has(existing as ParameterValue[])) {
    ;(existing as ParameterValue[]).push(value)
  } else {
    throw contradiction(name, 'a value', Array.isArray(existing) ? 'a list' : 'a hash')
  }
}

/** What takes the key: the container that is there, the hash it turns out to be, or a new one. */
function containerFor(existing: Container | undefined, key: string, name: string): Container {
  if (existing === undefined) {
    if (!isListKey(key)) return emptyHash()
    const list: ParameterValue[] = []
    if (key !== '') indexed.add(list)
    return mayHold(list, key) ? list : emptyHash()
  }
  if (!Array.isArray(existing)) {
    if (key === '') throw contradiction(name, 'a list', 'a hash')
    return existing
  }
  if (key === '') indexed.delete(existing)
  else if (!mayHold(existing, key)) return toHash(existing, name)
  return existing
}

/** Whether the key may be one of the list's; what is said of too high a one is said where the list is known to be none else. */
function mayHold(list: ParameterValue[], key: string): boolean {
  return key === '' || (INDEX.test(key) && (!indexed.has(list) || Number(key) < LIST_LENGTH_MAX))
}

/** @throws ApiError for a list with an entry that has no index: it can be nothing else. */
function toHash(list: ParameterValue[], name: string): Parameters {
  if (!indexed.has(list)) throw contradiction(name, 'a list', 'a hash')
  return Object.assign(emptyHash(), list)
}

function isListKey(key: string): boolean {
  return key === '' || INDEX.test(key)
}

/** The key or index a step of the path stands for; `[]` is the next free one, or the last hash while it can take more. */
function keyFor(container: Container, path: readonly string[], level: number, name: string): string {
  const key = path[level] ?? ''
  if (!Array.isArray(container)) return key
  let index = Number(key)
  if (key === '') {
    const last = container.at(-1)
    const joinsLast = level < path.length - 1 && isHash(last) && !holds(last, path, level + 1)
    index = container.length - (joinsLast ? 1 : 0)
  }
  if (index < LIST_LENGTH_MAX) return String(index)
  throw ApiError.invalidRequest(
    `Invalid request: the list ${quote(name)} has more than ${LIST_LENGTH_MAX} entries.`,
    'parameter_invalid',
    name,
  )
}

/** Whether the rest of the path is taken: `a[][b]=1&a[][b]=2` is two hashes, `a[][b]=1&a[][c]=2` is one. */
function holds(value: ParameterValue, path: readonly string[], level: number): boolean {
  let current: ParameterValue | undefined = value
  for (const key of path.slice(level)) {
    // Appending to a list inside the last hash goes on with that hash.
    if (key === '') return false
    if (current === undefined || typeof current === 'string') return current !== undefined
    current = child(current, key)
  }
  return current !== undefined
}

function isHash(value: ParameterValue | undefined): value is Parameters {
  return typeof value === 'object' && !Array.isArray(value)
}

function child(container: Container, key: string): ParameterValue | undefined {
  return Object.hasOwn(container, key) ? (container as Parameters)[key] : undefined
}

function put(container: Container, key: string, value: ParameterValue): void {
  ;(container as Parameters)[key] = value
}

function emptyHash(): Parameters {
  return Object.create(null) as Parameters
}

/** Entries may come in any order, but in the end a list has them all; what has not is a hash, where it may be one. */
function settleLists<Value extends ParameterValue>(value: Value, name: string): Value | Parameters {
  if (typeof value === 'string') return value
  if (Array.isArray(value)) {
    const missing = value.findIndex((entry) => entry === undefined)
    if (missing >= 0 && !indexed.has(value)) {
      throw ApiError.invalidRequest(
        `Invalid request: the list ${quote(name)} has no entry ${missing}.`,
        'parameter_invalid',
        name,
      )
    }
    if (missing >= 0) return settleLists(toHash(value, name), name)
  }
  const container: Container = value
  for (const key of Object.keys(container)) {
    const within = name === '' ? key : `${name}[${key}]`
    put(container, key, settleLists(child(container, key) ?? '', within))
  }
  return value
}

function contradiction(name: string, one: string, other: string): ApiError {
  return ApiError.invalidRequest(
    `Invalid request: the parameter ${quote(name)} is given both as ${one} and as ${other}.`,
    'parameter_invalid',
    name,
  )
}
