/**
 * One filtered subscription to everything, from its start to its end or failure, as steps in the log's order.
 *
 * The client tells of checkpoints and of having caught up as soon as it hears of them, ahead of events that still wait
 * in its buffer. So each such notice is put into that same buffer as a marker, and is met when its turn comes.
 *
 * Some servers send a checkpoint ahead of an event at its very place: of what is written while a subscription goes live (22.10).
 * So a checkpoint leaves no event out, and nothing goes on from it until something has come behind it.
 */
import {
  START,
  streamNameFilter,
  type AllStreamResolvedEvent,
  type EventStoreDBClient,
  type Position as ClientPosition,
} from '@eventstore/db-client'
import {
  clientPosition,
  comparePositions,
  isPlace,
  portPosition,
  recordedEvent,
  type ClientEvent,
} from './eventstoredb-codec.js'
import { drain } from './eventstoredb-drain.js'
import { SEARCH_WINDOW, type EventStoreDbLimits } from './eventstoredb-limits.js'
import {
  EventStoreCorrupt,
  READ_PAGE_EVENTS,
  categoryOf,
  type Category,
  type Position,
  type RecordedEvent,
} from './event-store.js'

export interface Step {
  readonly events: readonly RecordedEvent[]
  /** Everything wanted up to here has been given: where another subscription may go on. */
  readonly position: Position | null
  /** Or up to here, of all that had been written when the subscription began: the checkpoint that came last. */
  readonly scanned: Position | null
  readonly then: 'more' | 'caught-up' | 'quiet'
}

export interface FollowOptions {
  readonly after: Position | null
  readonly categories: ReadonlySet<Category>
  readonly signal: AbortSignal
  readonly limits: EventStoreDbLimits
  /** Whether the server is known to say when it caught up; those before 23.10 never do. */
  readonly saysCaughtUp: () => boolean
  /** Set when the follower knows by other means that it caught up. */
  readonly caughtUp: () => boolean
}

type Item = AllStreamResolvedEvent | { readonly marker: 'confirmed' | 'caught-up' | ClientPosition }

export async function* follow(client: EventStoreDBClient, options: FollowOptions): AsyncGenerator<Step> {
  const { after, categories, signal, limits } = options
  const subscription = client.subscribeToAll(
    {
      fromPosition: after === null ? START : clientPosition(after),
      // A node that is cut off from the others would go on without a word, and without their events.
      requiresLeader: true,
      filter: streamNameFilter({
        // A stream may be named as its category alone; what merely begins alike is left out below.
        prefixes: [...categories],
        maxSearchWindow: SEARCH_WINDOW,
        checkpointReached: (_, position) => {
          subscription.push({ marker: position })
        },
      }),
    },
    { highWaterMark: READ_PAGE_EVENTS },
  )
  let confirmed = false
  let saidCaughtUp = false
  subscription.on('confirmation', () => {
    confirmed = true
    // Wakes the reader, whose patience is another from here on.
    subscription.push({ marker: 'confirmed' })
  })
  subscription.on('caughtUp', () => {
    saidCaughtUp = true
    subscription.push({ marker: 'caught-up' })
  })

  const patience = () => {
    if (!confirmed) return { ms: limits.readProgressMs, then: 'fail' } as const
    if (saidCaughtUp || options.caughtUp()) return { ms: limits.idleMs, then: 'tell' } as const
    // Scanning where nothing matches still gives checkpoints, so silence is a fault, unless the server is an old one.
    return options.saysCaughtUp()
      ? ({ ms: limits.readProgressMs, then: 'fail' } as const)
      : ({ ms: limits.quietMs, then: 'tell' } as const)
  }
  const pages = drain<Item>(subscription, {
    cancel: () => subscription.unsubscribe(),
    pageMax: READ_PAGE_EVENTS,
    whole: false,
    patience,
    signal,
  })
  // The last event that was given; of checkpoints, the one that something came behind, and the last one.
  let given = after
  let position = after
  let scanned = after
  const step = (events: readonly RecordedEvent[], then: Step['then']): Step => ({ events, position, scanned, then })
  for await (const page of pages) {
    if (page.length === 0) yield step([], 'quiet')
    let events: RecordedEvent[] = []
    for (const item of page) {
      if ('marker' in item) {
        if (item.marker === 'confirmed') continue
        if (item.marker === 'caught-up') {
          yield step(events, 'caught-up')
          events = []
        } else if (isPlace(item.marker)) {
          // Where nothing matched from the beginning, some servers (24.2) send the greatest number there is instead of a place.
          position = scanned
          scanned = later(scanned, portPosition(item.marker))
        }
        continue
      }
      const event = item.event
      if (event === undefined) continue
      const place = portPosition(event.position)
      // Only a server that starts inclusively would send it again.
      if (given !== null && comparePositions(place, given) <= 0) continue
      if (categories.has(categoryOf(event.streamId))) {
        const decoded = decode(event)
        if (decoded instanceof EventStoreCorrupt) {
          // What stands before the damage is still delivered.
          if (events.length > 0) yield step(events, 'more')
          throw decoded
        }
        events.push(decoded)
      }
      given = place
      position = later(position, place)
      scanned = later(scanned, place)
    }
    if (page.length > 0) yield step(events, 'more')
  }
}

function decode(event: ClientEvent): RecordedEvent | EventStoreCorrupt {
  try {
    return recordedEvent(event)
  } catch (error) {
    if (error instanceof EventStoreCorrupt) return error
    throw error
  }
}

function later(left: Position | null, right: Position): Position {
  return left !== null && comparePositions(left, right) > 0 ? left : right
}
