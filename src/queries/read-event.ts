/** One event at a known place in the log. */
import type { DomainEvent } from '../domain/events.js'
import { decodeEvent } from '../event-store/codec.js'
import type { EventStore, RecordedEvent } from '../event-store/event-store.js'

export interface EventPlace {
  readonly stream: string
  readonly revision: number
}

export async function readEvent(
  store: EventStore,
  { stream, revision }: EventPlace,
): Promise<{ readonly event: DomainEvent; readonly recorded: RecordedEvent }> {
  for await (const [recorded] of store.readStream(stream, { after: revision - 1, limit: 1 })) {
    if (recorded) return { event: decodeEvent(recorded), recorded }
  }
  throw new Error(`Event ${revision} of ${stream} is in the read model but not in the log.`)
}
