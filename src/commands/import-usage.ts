/**
 * Takes meter events from a file into a ledger, by the same rules and the same writers as the API: an event of a line is
 * counted, was counted already, or is refused with its reason. Lines may be under way together; where the order of two
 * records decides a number, the later line waits for the earlier one.
 */
import { DomainError } from '../domain/errors.js'
import type { JsonValue } from '../domain/json.js'
import type { LedgerName } from '../domain/ledger.js'
import { activeMeter, type Meter, type State } from '../domain/meter-catalogue.js'
import { BACKFILL_EARLIEST, readMeterEvent, TIMESTAMP_PAST_MAX_MS } from '../domain/meter-event.js'
import { readStreamedEvent } from '../domain/streamed-event.js'
import type { Command } from '../domain/usage-record.js'
import type { Position } from '../event-store/event-store.js'
import type { RequestContext } from '../event-store/transact.js'
import type { Clock } from './environment.js'
import { RecordingOrder } from './recording-order.js'
import type { UsageLedger } from './usage-ledger.js'

export interface ImportSettings {
  readonly ledger: LedgerName
  /** The meters of the ledger, as the import began. */
  readonly catalogue: State
  /** Whether timestamps older than 35 days are taken. */
  readonly backfill: boolean
  /** Reads a timestamp as the API writes it; null for text that is none. */
  readonly parseTimestamp: (text: string) => number | null
  readonly clock: Clock
  readonly context: RequestContext
  /** Tries again what the store could not take, while the lines that must not overtake it wait; only once by default. */
  readonly patiently?: <Result>(attempt: () => Promise<Result>) => Promise<Result>
}

export interface Fate {
  readonly outcome: 'counted' | 'duplicate' | DomainError
  /** Of what was appended; null where nothing was, or where it is projected already. */
  readonly position: Position | null
}

/** Events of one call where the import goes through a running service. */
export const IMPORT_CALL_EVENTS_MAX = 1000

/** 9999-12-31T23:59:59Z */
const UNIX_SECONDS_MAX = 253_402_300_799
const UNIX_SECONDS = /^-?\d{1,12}$/
const LONE_SURROGATE = /\p{Surrogate}/u

export class UsageImport {
  private readonly order = new RecordingOrder()

  constructor(
    private readonly usage: UsageLedger,
    private readonly settings: ImportSettings,
  ) {}

  /**
   * `makeIdentifier` is asked where the event has none. Call it in the order of the lines.
   *
   * @throws Overloaded, EventStoreUnavailable, ReadModelBehind: the import may be run again, what counted counts once.
   */
  async take(event: JsonValue, makeIdentifier: () => string): Promise<Fate> {
    try {
      const { meter, command } = this.read(event, makeIdentifier)
      return await this.order.submit(meter, command.record, () => this.submit(meter, command))
    } catch (error) {
      if (!(error instanceof DomainError)) throw error
      return { outcome: error, position: null }
    }
  }

  private read(event: JsonValue, makeIdentifier: () => string) {
    const { catalogue, backfill, parseTimestamp, clock } = this.settings
    const read = readStreamedEvent(withTimestampText(event))
    requireText('event_name', read.eventName)
    if (read.identifier !== null) requireText('identifier', read.identifier)
    for (const [key, text] of Object.entries(read.payload)) {
      requireText('payload', key)
      requireText(`payload[${key}]`, text)
    }
    const meter = activeMeter(catalogue, read.eventName)
    const timestamp = read.timestamp === null ? null : readTimestamp(read.timestamp, parseTimestamp)
    const identifier = read.identifier ?? makeIdentifier()
    const receivedAt = clock.now()
    const earliest = backfill ? BACKFILL_EARLIEST : receivedAt - TIMESTAMP_PAST_MAX_MS
    const record = readMeterEvent(meter, { ...read, identifier, timestamp }, receivedAt)
    return { meter, command: { type: 'RecordUsage', record, hasTimestamp: timestamp !== null, earliest } } as const
  }

  private async submit(meter: Meter, command: Command & { readonly type: 'RecordUsage' }): Promise<Fate> {
    const { ledger, catalogue, context, patiently = atOnce } = this.settings
    const { identifier } = command.record
    const partitions = catalogue.usagePartitions ?? 1
    const { isNew, position } = await patiently(() =>
      this.usage.submit(ledger, partitions, meter, identifier, command, context),
    )
    return { outcome: isNew ? 'counted' : 'duplicate', position }
  }
}

const atOnce = <Result>(attempt: () => Promise<Result>): Promise<Result> => attempt()

/**
 * Whole Unix seconds, as Stripe's bulk files have them, written as the text that the API takes; any other number as a text that is
 * no time.
 */
export function withTimestampText(event: JsonValue): JsonValue {
  if (typeof event !== 'object' || event === null || Array.isArray(event)) return event
  const { timestamp } = event as { readonly [key: string]: JsonValue }
  const isSeconds =
    typeof timestamp === 'number'
      ? Number.isSafeInteger(timestamp)
      : typeof timestamp === 'string' && UNIX_SECONDS.test(timestamp)
  const instant = isSeconds ? new Date(Number(timestamp) * 1000) : null
  // Beyond the year 9999 there is no such text.
  const year = instant?.getUTCFullYear() ?? NaN
  if (instant && year >= 0 && year <= 9999) return { ...event, timestamp: instant.toISOString() }
  return typeof timestamp === 'number' ? { ...event, timestamp: String(timestamp) } : event
}

function readTimestamp(text: string, parse: (text: string) => number | null): number {
  const instant = parse(text)
  if (instant !== null) return instant
  throw new DomainError(
    'parameter_invalid',
    `The timestamp must be an RFC 3339 text such as 2026-01-15T10:00:00.000Z, or whole Unix seconds (not milliseconds) between 0 and ${UNIX_SECONDS_MAX}.`,
    'timestamp',
  )
}

/** As the API: what is stored must read the same in every store and client. */
function requireText(param: string, text: string): void {
  if (text.includes('\0')) throw new DomainError('parameter_invalid', `${param} contains a NUL character.`, param)
  if (LONE_SURROGATE.test(text)) {
    throw new DomainError('parameter_invalid', `${param} is not well-formed Unicode.`, param)
  }
}
