/** Whether the service can serve: the store answers, and the projections have caught up once and still run. */
import type { Readiness } from './api/health.controller.js'
import type { EventStore } from './event-store/event-store.js'
import type { ReadYourWrites } from './event-store/read-your-writes.js'

export async function readiness(store: EventStore, readYourWrites: ReadYourWrites): Promise<Readiness> {
  const isReachable = await store.check().then(
    () => true,
    () => false,
  )
  const { isReady, stopped } = readYourWrites
  return {
    event_store: isReachable ? 'reachable' : 'unreachable',
    projections: stopped !== null ? 'stopped' : isReady ? 'caught up' : 'catching up',
    reason: !isReachable
      ? 'The event store cannot be reached.'
      : stopped !== null
        ? `The projections stopped: ${stopped}`
        : isReady
          ? null
          : 'The projections are catching up with the log.',
  }
}
