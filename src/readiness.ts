/**
 * Whether the service can serve: the store answers, reads find a snapshot, and the projections have caught up once, still run,
 * and have what was acknowledged. Whoever asks needs no key, so what names ledgers, files or addresses is for the log alone.
 */
import type { Logger } from 'pino'
import type { Readiness } from './api/health.controller.js'
import type { Stopwatch } from './commands/environment.js'
import { EventStoreRefusing, type EventStore } from './event-store/event-store.js'
import type { ReadYourWrites } from './event-store/read-your-writes.js'
import { ReadModelBusy, type ReadModel } from './read-model/read-model.js'

/** Acknowledged events that are not projected for so long make reads fail. */
const BEHIND_MS_MAX = 10_000
const TELL_EVERY_MS = 5_000
const CATCHING_UP = 'The projections are catching up with the log.'
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
    // As any read does, so it waits as long as one where all snapshots are taken; and as usage is looked up, beside those.
    failureOf(Promise.all([readModel.snapshot((rows) => rows.checkpoint('meters')), readModel.checkpoint('meters')])),
  ])
  note(rowsFailure === null || rowsFailure instanceof ReadModelBusy ? null : rowsFailure.message)
  const isRefusing = storeFailure instanceof EventStoreRefusing
  const isReachable = storeFailure === null || isRefusing
  const { isReady, stopped, behindMs } = readYourWrites
  const isBehind = behindMs > BEHIND_MS_MAX
  const isBusy = rowsFailure instanceof ReadModelBusy
  const why = (): string | null => {
    // Why they stopped is for somebody to mend, and may be why the store is not reached.
    if (stopped !== null) return `The projections stopped. ${SEE_LOG}`
    if (!isReachable) return 'The event store cannot be reached.'
    // Causes before what comes of them.
    if (rowsFailure !== null && !isBusy) return `The read model cannot be read. ${SEE_LOG}`
    if (!isReady) return CATCHING_UP
    if (isRefusing) return `${storeFailure.message}. ${SEE_LOG}`
    if (isBehind) return `What was acknowledged has not been projected for ${Math.floor(behindMs / 1000)} s.`
    return rowsFailure === null ? null : rowsFailure.message
  }
  return {
    event_store: isReachable ? 'reachable' : 'unreachable',
    projections: stopped !== null ? 'stopped' : isReady && !isBehind ? 'caught up' : 'catching up',
    reason: why(),
  }
}

interface Told {
  readonly readiness: () => Promise<Readiness>
  readonly log: Pick<Logger, 'warn' | 'info'>
  readonly stopwatch: Stopwatch
  readonly everyMs?: number
}

/** Once when it is not ready, or for another reason, and once when it is again; not that it catches up at its start. Answers what ends it. */
export function tellReadiness({ readiness, log, stopwatch, everyMs = TELL_EVERY_MS }: Told): () => void {
  let wasReady = false
  let trouble: { readonly kind: string; readonly since: number } | null = null
  let isAsking = false
  let isOver = false
  const look = async (): Promise<void> => {
    const { reason } = await readiness()
    const now = stopwatch.elapsedMs()
    if (isOver) return
    if (reason === null) {
      if (trouble !== null)
        log.info({ seconds: Math.round((now - trouble.since) / 1000) }, 'The service is ready again.')
      trouble = null
      wasReady = true
    } else if (wasReady || reason !== CATCHING_UP) {
      // How long it has been so is told at the end.
      const kind = reason.replaceAll(/\d+/g, '')
      if (kind !== trouble?.kind) log.warn({ reason }, 'The service is not ready.')
      trouble = { kind, since: trouble?.since ?? now }
    }
  }
  const tryToLook = (): void => {
    if (isAsking) return
    isAsking = true
    void look().finally(() => (isAsking = false))
  }
  const timer = setInterval(tryToLook, everyMs).unref()
  tryToLook()
  return () => {
    isOver = true
    clearInterval(timer)
  }
}

/** null where it succeeds. */
function failureOf(asked: Promise<unknown>): Promise<Error | null> {
  return asked.then(
    () => null,
    (error: Error) => error,
  )
}
