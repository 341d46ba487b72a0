/**
 * The projecting thread: reads the log and writes the read model beside the thread that answers requests. It has its own
 * way into the store, so a slow projection never holds an append back.
 */
import { parentPort, workerData } from 'node:worker_threads'
import { EMBEDDED, openEventStore } from '../event-store/open-event-store.js'
import type { Progress } from '../event-store/read-your-writes.js'
import { openReadModel } from '../read-model/open-read-model.js'
import { allProjections } from './projections.js'
import { Projector } from './projector.js'
import type { Anomaly } from './projection.js'
import type { RebuildRequest, RebuildState } from './rebuilding.js'

export interface ProjectorSettings {
  readonly eventStoreUrl: string
  readonly readModelUrl: string
  readonly dataDir: string
}

export type ProjectorOrder = 'stop' | 'hurry' | 'resubscribe' | { readonly rebuild: RebuildRequest }

export type ProjectorMessage =
  | { readonly type: 'prepared' }
  /** Whether this process writes the rows, or follows one that does. */
  | { readonly type: 'standing'; readonly isWriting: boolean }
  | { readonly type: 'progress'; readonly progress: Progress }
  | { readonly type: 'rebuild'; readonly state: RebuildState }
  | { readonly type: 'anomaly'; readonly anomaly: Anomaly }
  | {
      readonly type: 'log'
      readonly level: 'info' | 'warn' | 'error'
      readonly fields: object
      readonly message: string
    }
  | { readonly type: 'stopped'; readonly message: string }

/** Between two looks whether it still writes. */
const STANDING_EVERY_MS = 1_000
/** Between two reports of how far a rebuild is. */
const REBUILD_EVERY_MS = 250

if (!parentPort) throw new Error('This file is a worker thread.')
const port = parentPort
const settings = workerData as ProjectorSettings
const stop = new AbortController()
const say = (message: ProjectorMessage): void => port.postMessage(message)

let projector: Projector | null = null
let resubscribe: () => void = () => undefined
const UNTOLD = { what: '', at: -Infinity }
let told = UNTOLD

port.on('message', (order: ProjectorOrder) => {
  // The thread ends once the batch at hand is committed.
  if (order === 'stop') stop.abort()
  else if (order === 'hurry') projector?.hurry()
  else if (order === 'resubscribe') resubscribe()
  else {
    // It may end as the one before did, and at once.
    told = UNTOLD
    projector?.rebuild(order.rebuild)
  }
})

let isWriting: boolean | null = null
const sayStanding = (): void => {
  if (!projector || projector.isWriting === isWriting) return
  isWriting = projector.isWriting
  say({ type: 'standing', isWriting })
}

const sayRebuild = (state: RebuildState): void => {
  const what = JSON.stringify([state.id, state.status, state.waitingReason])
  if (what === told.what && performance.now() - told.at < REBUILD_EVERY_MS) return
  told = { what, at: performance.now() }
  say({ type: 'rebuild', state })
}

try {
  const log = (level: 'info' | 'warn' | 'error') => (fields: object, message: string) =>
    say({ type: 'log', level, fields, message })
  const store = await openEventStore(settings.eventStoreUrl, settings.dataDir, {
    info: log('info'),
    warn: log('warn'),
    error: log('error'),
  })
  resubscribe = () => store.resubscribe()
  const readModel = openReadModel(settings.readModelUrl, settings.dataDir, 'projected')
  try {
    projector = new Projector(
      store,
      readModel,
      allProjections((anomaly) => say({ type: 'anomaly', anomaly })),
      (progress) => say({ type: 'progress', progress }),
      (message) => log('warn')({}, message),
      // What contradicts the log was told when the live rows were made.
      () => allProjections(() => undefined),
      sayRebuild,
      { mayFollow: settings.eventStoreUrl !== EMBEDDED },
    )
    await projector.prepare()
    sayStanding()
    // It is gone on with once the rows have caught up. Whoever followed it asks before that.
    const resumed = projector.rebuildInHand
    if (resumed) sayRebuild(resumed)
    setInterval(sayStanding, STANDING_EVERY_MS).unref()
    say({ type: 'prepared' })
    await projector.run(stop.signal)
  } finally {
    await store.close()
    await readModel.close()
  }
} catch (error) {
  say({ type: 'stopped', message: error instanceof Error ? error.message : String(error) })
}
port.close()
