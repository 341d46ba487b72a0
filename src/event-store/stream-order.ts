/**
 * Revisions of a stream go up by one: whoever reads a log in its order sees by them that an event is missing, or stands
 * where another one must.
 */
import { EventStoreCorrupt, type EventStore, type RecordedEvent } from './event-store.js'

/** Streams. */
const LOOKED_UP_AT_ONCE = 16

type Place = Pick<RecordedEvent, 'stream' | 'revision'>

export class StreamOrder {
  /** Of the last event of each stream so far. */
  private readonly revisions = new Map<string, number>()

  /** What is wrong with the place of the event that comes next; null: nothing. */
  next({ stream, revision }: Place): string | null {
    const expected = (this.revisions.get(stream) ?? 0) + 1
    this.revisions.set(stream, revision)
    return revision === expected ? null : `Event ${revision} of stream ${stream} stands where ${expected} must be.`
  }

  /** @throws EventStoreCorrupt where the event that comes next stands in a wrong place. */
  require(event: Place): void {
    const wrong = this.next(event)
    if (wrong === null) return
    throw new EventStoreCorrupt(
      `${wrong} The event log lacks events, or has them in another order than they were recorded: restore it from a backup.`,
    )
  }

  /**
   * For who reads on from the middle of a log: looks up what stands before the first of these events of each stream that was
   * not met yet. Answers of how many events all is known by then: some at least, and all where `until` leaves the time.
   */
  async beginBefore(
    events: readonly Place[],
    store: Pick<EventStore, 'readStream'>,
    until = Infinity,
  ): Promise<number> {
    for (let known = 0; known < events.length;) {
      const firsts: Place[] = []
      known = this.untilUnknown(events, known, firsts)
      const before = await Promise.all(
        firsts.map(async ({ stream, revision }) => {
          const isThere = revision === 1 || (await hasEvent(store, stream, revision - 1))
          return isThere ? revision - 1 : revision - 2
        }),
      )
      for (const [index, { stream }] of firsts.entries()) this.revisions.set(stream, before[index] as number)
      if (performance.now() >= until) return known
    }
    return events.length
  }

  /** Gathers the first events of streams that were not met yet, as many as are looked up at once; answers where the next one is. */
  private untilUnknown(events: readonly Place[], from: number, firsts: Place[]): number {
    let last = ''
    for (let at = from; at < events.length; at++) {
      const event = events[at] as Place
      // An append's events come one after another: hardly any of them costs more than this.
      if (event.stream === last) continue
      last = event.stream
      if (this.revisions.has(event.stream) || firsts.some(({ stream }) => stream === event.stream)) continue
      if (firsts.length === LOOKED_UP_AT_ONCE) return at
      firsts.push(event)
    }
    return events.length
  }
}

async function hasEvent(store: Pick<EventStore, 'readStream'>, stream: string, revision: number): Promise<boolean> {
  for await (const [found] of store.readStream(stream, { after: revision - 1, limit: 1, patience: 'background' })) {
    return found?.revision === revision
  }
  return false
}
