/**
 * The event store port on EventStoreDB (and KurrentDB), for when one machine is not enough.
 *
 * Always an explicit expected revision, so every append may be sent again; a client of its own for appending, one for
 * reading. Open one store a process: the appends of all clients of a process share one table inside the client's
 * package, and two stores make each other send again. Clocks of client and server should agree (NTP).
 */
import { Appender } from './eventstoredb-appender.js'
import { connector } from './eventstoredb-client.js'
import { comparePositions, parsePosition } from './eventstoredb-codec.js'
import { APPENDING_DENIED, describe } from './eventstoredb-errors.js'
import { DEFAULT_LIMITS, type EventStoreDbLimits, type EventStoreDbLog } from './eventstoredb-limits.js'
import { Reader } from './eventstoredb-reader.js'
import {
  EventStoreRefusing,
  type AppendOutcome,
  type EventStore,
  type Patience,
  type Position,
  type ReadAllOptions,
  type ReadStreamOptions,
  type RecordedEvent,
  type StreamAppend,
  type SubscribeOptions,
  type SubscriptionItem,
} from './event-store.js'

export interface EventStoreDbOptions {
  /** `esdb://…`; may hold credentials, so it is never logged. */
  readonly url: string
  readonly log: EventStoreDbLog
  readonly limits?: Partial<EventStoreDbLimits>
  /** Of reads that say nothing of it, and of `check`; a caller's by default. */
  readonly patience?: Patience
}

export class EventStoreDbEventStore implements EventStore {
  private closed: Promise<void> | undefined

  private constructor(
    private readonly appender: Appender,
    private readonly reader: Reader,
  ) {}

  /** Connects with the first call, not here: a store that cannot be reached yet is waited for by whoever uses it. */
  static open({ url, log, limits: chosen, patience = 'caller' }: EventStoreDbOptions): EventStoreDbEventStore {
    const connect = connector(url)
    const limits = { ...DEFAULT_LIMITS, ...chosen }
    const reader = new Reader({ connect, limits, log, patience })
    const findPosition = async (stream: string, revision: number): Promise<AppendOutcome> => {
      try {
        const position = await reader.positionOf(stream, revision)
        if (position !== null) return { status: 'appended', revision, position }
        return { status: 'unknown', message: 'What was acknowledged cannot be read yet' }
      } catch (error) {
        return { status: 'unknown', message: describe(error) }
      }
    }
    return new EventStoreDbEventStore(new Appender({ connect, limits, log, findPosition }), reader)
  }

  append(appends: readonly StreamAppend[]): Promise<AppendOutcome[]> {
    return Promise.all(appends.map((append) => this.appender.append(append)))
  }

  readStream(stream: string, options?: ReadStreamOptions): AsyncIterable<readonly RecordedEvent[]> {
    return this.reader.readStream(stream, options)
  }

  readAll(options: ReadAllOptions): AsyncIterable<readonly RecordedEvent[]> {
    return this.reader.readAll(options)
  }

  /** A server need not answer a reading from a place at which no event stands. */
  async hasEventAt(position: Position, options: ReadAllOptions): Promise<boolean> {
    for await (const page of this.reader.readAll(options)) {
      for (const event of page) {
        const order = comparePositions(event.position, position)
        if (order >= 0) return order === 0
      }
    }
    return false
  }

  subscribe(options: SubscribeOptions): AsyncIterable<SubscriptionItem> {
    return this.reader.subscribe(options)
  }

  resubscribe(): void {
    this.reader.resubscribe()
  }

  comparePositions(left: Position, right: Position): number {
    return comparePositions(left, right)
  }

  parsePosition(text: string): Position | null {
    return parsePosition(text)
  }

  async check(): Promise<void> {
    await this.reader.check()
    if (this.appender.isDenied) throw new EventStoreRefusing(APPENDING_DENIED)
  }

  /** Its positions have gaps of their own. */
  async lostEvents(): Promise<null> {
    return null
  }

  /** The server looks after its files. */
  async storageFaults(): Promise<readonly string[]> {
    return []
  }

  close(): Promise<void> {
    this.closed ??= this.appender.close().then(() => this.reader.close())
    return this.closed
  }
}
