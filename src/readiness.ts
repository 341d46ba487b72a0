/**
 * Whether the service can serve: the store answers, reads find a snapshot, and the projections have caught up once, still run,
 * and have what was acknowledged.
 */
import type { Readiness } from './api/health.controller.js'
import type { EventStore } from './event-store/event-store.js'
import type { ReadYourWrites } from './event-store/read-your-writes.js'
import type { ReadModel } from './read-model/read-model.js'

/** Acknowledged events that are not projected for so long make reads fail. */
const BEHIND_MS_MAX = 10_000

export async function readiness(
  store: EventStore,
  readYourWrites: ReadYourWrites,
  readModel: ReadModel,
): Promise<Readiness> {
  const [isReachable, isReadable] = await Promise.all([
    succeeds(store.check()),
    // As any read does, so it waits as long as one where all snapshots are taken.
    succeeds(readModel.snapshot((rows) => rows.checkpoint('meters'))),
  ])
  const { isReady, stopped, behindMs } = readYourWrites
  const isBehind = behindMs > BEHIND_MS_MAX
  return {
    event_store: isReachable ? 'reachable' : 'unreachable',
    projections: stopped !== null ? 'stopped' : isReady && !isBehind ? 'caught up' : 'catching up',
    reason: !isReachable
      ? 'The event store cannot be reached.'
      : stopped !== null
        ? `The projections stopped: ${stopped}`
        : !isReady
          ? 'The projections are catching up with the log.'
          : isBehind
            ? `What was acknowledged has not been projected for ${Math.floor(behindMs / 1000)} s.`
            : !isReadable
              ? 'The read model cannot be read.'
              : null,
  }
}

function succeeds(asked: Promise<unknown>): Promise<boolean> {
  return asked.then(
    () => true,
    () => false,
  )
}
