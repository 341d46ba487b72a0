/** Whether rows were made from a log: told by the last event they were made from, and by where it stands. */
import type { EventStore, Position, RecordedEvent } from '../event-store/event-store.js'
import { categories } from '../event-store/streams.js'
import type { Checkpoint } from '../read-model/read-model.js'

export type LogOrigin =
  | { readonly kind: 'this log' }
  /** The event stands elsewhere, and another one of this log where it is said to stand. */
  | { readonly kind: 'wrong position'; readonly position: Position }
  /** The event stands elsewhere, and nothing where it is said to stand: positions are of one store. */
  | { readonly kind: 'copied log'; readonly message: string }
  | { readonly kind: 'other log'; readonly message: string }

type ReadStore = Pick<EventStore, 'readStream' | 'readAll' | 'comparePositions' | 'parsePosition'>

/** @throws what keeps the log from being read at that event. */
export async function originOf(
  { event, position, sequence }: Checkpoint,
  store: ReadStore,
  /** See `ReadModel`. */
  removal: string,
): Promise<LogOrigin> {
  if (event === null) return { kind: 'this log' }
  const { stream, revision, id } = placeOf(event)
  const found = await eventAt(store, stream, revision)
  if (found?.id !== id) {
    return {
      kind: 'other log',
      message: `The event log does not have the event that the read model was made up to (event ${revision} of stream ${stream}, usage event ${sequence} of all). Either acknowledged events are missing: restore the log. Or it is another log or an older backup, and the right one: then ${removal}: the read model is built anew from it.`,
    }
  }
  const said = position === null ? null : store.parsePosition(position)
  if (said !== null && store.comparePositions(found.position, said) === 0) return { kind: 'this log' }
  if (said === null ? position === null : await hasEventAt(store, said, found.position)) {
    return { kind: 'wrong position', position: found.position }
  }
  return {
    kind: 'copied log',
    message: `The event log is a copy, and the read model was made from the log it was copied from: the event it was made up to (event ${revision} of stream ${stream}) stands at another position here, and none at the position it had. Either ${removal}: the read model is built anew from this log. Or name the read model that belongs to it (DATA_DIR, READ_MODEL_URL).`,
  }
}

/** `known`: where an event stands, to begin from if that comes first. */
async function hasEventAt(store: ReadStore, wanted: Position, known: Position): Promise<boolean> {
  const after = store.comparePositions(known, wanted) < 0 ? known : null
  for await (const page of store.readAll({ after, categories: Object.values(categories), patience: 'background' })) {
    for (const { position } of page) {
      const order = store.comparePositions(position, wanted)
      if (order >= 0) return order === 0
    }
  }
  return false
}

async function eventAt(
  store: Pick<EventStore, 'readStream'>,
  stream: string,
  revision: number,
): Promise<RecordedEvent | null> {
  for await (const [found] of store.readStream(stream, { after: revision - 1, limit: 1, patience: 'background' })) {
    return found ?? null
  }
  return null
}

/** Of an event as checkpoints name it. */
function placeOf(event: string): { readonly stream: string; readonly revision: number; readonly id: string } {
  const [revision = '', id = '', ...stream] = event.split(' ')
  return { stream: stream.join(' '), revision: Number(revision), id }
}
