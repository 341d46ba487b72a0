/**
 * Whether the service can serve: the store answers, reads find a snapshot, and the projections have caught up once, still run,
 * and have what was acknowledged. Whoever asks needs no key, so what names ledgers, files or addresses is for the log alone.
 */
import type { Readiness } from './api/health.controller.js'
import { EventStoreDenied, type EventStore } from './event-store/event-store.js'
import type { ReadYourWrites } from './event-store/read-your-writes.js'
import { ReadModelBusy, type ReadModel } from './read-model/read-model.js'

/** Acknowledged events that are not projected for so long make reads fail. */
const BEHIND_MS_MAX = 10_000
const SEE_LOG = 'The log of the service says why.'

/** `note` is told why the read model cannot be read, each time it is another reason; why projections stopped was told when they did. */
export function readinessOf(
  store: EventStore,
  readYourWrites: ReadYourWrites,
  readModel: ReadModel,
  note: (reason: string) => void,
): () => Promise<Readiness> {
  let noted: string | null = null
  return () =>
    readiness(store, readYourWrites, readModel, (reason) => {
      if (reason !== null && reason !== noted) note(reason)
      noted = reason
    })
}

async function readiness(
  store: EventStore,
  readYourWrites: ReadYourWrites,
  readModel: ReadModel,
  note: (reason: string | null) => void,
): Promise<Readiness> {
  const [storeFailure, rowsFailure] = await Promise.all([
    failureOf(store.check()),
    // As any read does, so it waits as long as one where all snapshots are taken.
    failureOf(readModel.snapshot((rows) => rows.checkpoint('meters'))),
  ])
  note(rowsFailure === null || rowsFailure instanceof ReadModelBusy ? null : rowsFailure.message)
  const isDenied = storeFailure instanceof EventStoreDenied
  const isReachable = storeFailure === null || isDenied
  const { isReady, stopped, behindMs } = readYourWrites
  const isBehind = behindMs > BEHIND_MS_MAX
  return {
    event_store: isReachable ? 'reachable' : 'unreachable',
    projections: stopped !== null ? 'stopped' : isReady && !isBehind ? 'caught up' : 'catching up',
    // Why they stopped is for somebody to mend, and may be why the store is not reached.
    reason:
      stopped !== null
        ? `The projections stopped. ${SEE_LOG}`
        : !isReachable
          ? 'The event store cannot be reached.'
          : !isReady
            ? 'The projections are catching up with the log.'
            : isBehind
              ? `What was acknowledged has not been projected for ${Math.floor(behindMs / 1000)} s.`
              : rowsFailure !== null
                ? rowsFailure instanceof ReadModelBusy
                  ? rowsFailure.message
                  : `The read model cannot be read. ${SEE_LOG}`
                : isDenied
                  ? `${storeFailure.message}.`
                  : null,
  }
}

/** null where it succeeds. */
function failureOf(asked: Promise<unknown>): Promise<Error | null> {
  return asked.then(
    () => null,
    (error: Error) => error,
  )
}
