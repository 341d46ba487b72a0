/**
 * Lines of an import sent to a running service in calls of many, one call after the other: within a call the service keeps
 * their order, and no call overtakes the one before it.
 */
import { ApiError } from '../api/stripe/api-error.js'
import { requireClean } from '../api/stripe/json-body.js'
import { IMPORT_CALL_EVENTS_MAX, withTimestampText, type Fate } from '../commands/import-usage.js'
import { DomainError, type ErrorCode } from '../domain/errors.js'
import type { JsonValue } from '../domain/json.js'
import { ServiceRefusal, type ServiceClient } from './service-client.js'

const PATH = '/meterbook/v1/usage_imports'
/** Of the events of one call as JSON, and of a single one: well below the largest body that is taken, in any script. */
const CALL_CHARACTERS_MAX = 256 * 1024
/** Of an event in the body of a call: the body, the list, the event. */
const EVENT_DEPTH = 3

interface Waiting {
  /** JSON. */
  readonly event: string
  readonly resolve: (fate: Fate) => void
  readonly reject: (error: unknown) => void
}

interface Result {
  readonly status: 'counted' | 'duplicate' | 'rejected'
  readonly code: ErrorCode
  readonly message: string
  readonly param: string | null
}

export class ServiceImport {
  private readonly queue: Waiting[] = []
  private isSending = false
  private failure: { readonly error: unknown } | null = null

  constructor(
    private readonly client: ServiceClient,
    private readonly backfill: boolean,
  ) {}

  /** As `UsageImport.take`. @throws ServiceRefusal; then everything that comes later is turned away with it. */
  async take(event: JsonValue, makeIdentifier: () => string): Promise<Fate> {
    try {
      const text = jsonOf(withTimestampText(ready(event, makeIdentifier)))
      if (text.length > CALL_CHARACTERS_MAX) {
        const message = `A meter event has at most ${CALL_CHARACTERS_MAX} characters of JSON.`
        throw new DomainError('parameter_too_long', message)
      }
      return await new Promise((resolve, reject) => {
        this.queue.push({ event: text, resolve, reject })
        if (!this.isSending) void this.send()
      })
    } catch (error) {
      if (!(error instanceof DomainError)) throw error
      return { outcome: error, position: null }
    }
  }

  private async send(): Promise<void> {
    this.isSending = true
    // What is handed over together goes together.
    await new Promise((resolve) => setImmediate(resolve))
    while (this.queue.length > 0) {
      const call = this.takeCall()
      try {
        if (this.failure) throw this.failure.error
        const outcomes = await this.post(call)
        call.forEach(({ resolve }, index) => resolve({ outcome: outcomes[index] as Fate['outcome'], position: null }))
      } catch (error) {
        this.failure ??= { error }
        for (const { reject } of call) reject(error)
      }
    }
    this.isSending = false
  }

  private takeCall(): Waiting[] {
    let characters = 0
    let size = 0
    for (const { event } of this.queue) {
      characters += event.length
      if (size > 0 && (size >= IMPORT_CALL_EVENTS_MAX || characters > CALL_CHARACTERS_MAX)) break
      size++
    }
    return this.queue.splice(0, size)
  }

  private async post(call: readonly Waiting[]): Promise<readonly Fate['outcome'][]> {
    const events = call.map(({ event }) => event).join()
    const answer = await this.client.post(PATH, `{"backfill":${this.backfill},"events":[${events}]}`)
    const { results } = answer as { readonly results?: readonly Result[] }
    if (results?.length !== call.length) throw new ServiceRefusal('The service did not answer for each of the lines.')
    return results.map(({ status, code, message, param }) =>
      status === 'rejected' ? new DomainError(code, message, param) : status,
    )
  }
}

/** The event with an identifier. @throws DomainError for what would have the service refuse the whole call. */
function ready(event: JsonValue, makeIdentifier: () => string): JsonValue {
  try {
    requireClean(event, EVENT_DEPTH, '')
  } catch (error) {
    if (!(error instanceof ApiError)) throw error
    throw new DomainError('parameter_invalid', error.message, error.param)
  }
  if (typeof event !== 'object' || event === null || Array.isArray(event)) return event
  const hash = event as { readonly [key: string]: JsonValue }
  return (hash.identifier ?? null) === null ? { ...hash, identifier: makeIdentifier() } : event
}

/**
 * A number beyond all doubles (`1e400`) would become null, which reads as left out. But for a timestamp, which is a text by
 * now, every number is refused alike, so it becomes another one.
 */
function jsonOf(event: JsonValue): string {
  const json = JSON.stringify(event)
  return json.includes('null') ? JSON.stringify(event, finite) : json
}

function finite(_key: string, value: JsonValue): JsonValue {
  return typeof value === 'number' && !Number.isFinite(value) ? 0 : value
}
