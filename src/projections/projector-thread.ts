/** Starts the projecting thread and passes on what it says. */
import { randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { Log } from '../event-store/open-event-store.js'
import type { ReadYourWrites } from '../event-store/read-your-writes.js'
import type { ProjectorMessage, ProjectorOrder, ProjectorSettings } from './projector.worker.js'
import type { RebuildRequest, RebuildState } from './rebuilding.js'
import { ToldRebuilds } from './told-rebuilds.js'

const START_TIMEOUT_MS = 60_000
const STOP_TIMEOUT_MS = 30_000
/** Where something acknowledged is missing and nothing else came for so long, the subscription may be dead without a sign. */
const STANDS_STILL_MS = 4_000
const LOOK_EVERY_MS = 1_000
const STOPPED_TOO = 'The projections stopped, and it with them; the log of the service says why.'
const UNKNOWN_SINCE_STOP =
  'The projections of this service stopped, so nothing more is known of it here; the log of the service says why.'

export class ProjectorThread {
  /** Of those that run, ran, or were asked for since the start. */
  readonly rebuilds = new ToldRebuilds()
  private writes: boolean
  private resubscribedAt = 0
  private isStopping = false
  private readonly listeners: (() => void)[] = []
  private readonly looking: NodeJS.Timeout

  private constructor(
    private readonly worker: Worker,
    private readonly readYourWrites: ReadYourWrites,
    private readonly log: Log,
    writes: boolean,
  ) {
    this.writes = writes
    this.looking = setInterval(() => this.lookAfter(), LOOK_EVERY_MS).unref()
    worker.on('message', (message: ProjectorMessage) => {
      if (message.type === 'rebuild') this.rebuilt(message.state)
      if (message.type === 'standing') this.writes = message.isWriting
      if (message.type === 'stopped') this.endRebuilds()
    })
    worker.on('error', () => this.endRebuilds())
    worker.on('exit', () => this.endRebuilds())
  }

  /** Called when other rows have taken the place of the live ones. */
  onRebuilt(listener: () => void): void {
    this.listeners.push(listener)
  }

  /** Somebody waits for the rows. */
  hurry(): void {
    this.worker.postMessage('hurry' satisfies ProjectorOrder)
  }

  private lookAfter(): void {
    const since = performance.now() - this.resubscribedAt
    // What is being folded takes its time; a new subscription must have some to deliver.
    if (this.readYourWrites.standsStillMs < STANDS_STILL_MS || since < STANDS_STILL_MS) return
    this.resubscribedAt = performance.now()
    this.worker.postMessage('resubscribe' satisfies ProjectorOrder)
  }

  /** Whether this process writes the rows, or follows another one that does. */
  get isWriting(): boolean {
    return this.writes
  }

  /**
   * How it stands; null while another one runs, and then nothing was begun.
   *
   * @throws ReadModelBehind once the projections stopped.
   */
  beginRebuild(asked: RebuildRequest): RebuildState | null {
    this.readYourWrites.requireRunning()
    if (this.rebuilds.running) return null
    const request = { ...asked, id: randomUUID() }
    this.worker.postMessage({ rebuild: request } satisfies ProjectorOrder)
    return this.rebuilds.ask(request)
  }

  /** The projections stopped by themselves: nothing more comes of what was being built. */
  private endRebuilds(): void {
    if (this.isStopping) return
    const failure = this.writes ? STOPPED_TOO : UNKNOWN_SINCE_STOP
    for (let state = this.rebuilds.running; state; state = this.rebuilds.running)
      this.rebuilt({ ...state, status: 'failed', failure, waitingReason: null })
  }

  private rebuilt(state: RebuildState): void {
    this.rebuilds.note(state)
    const { projections, differenceCount: differences, differences: examples, elapsedMs, failure, outcome } = state
    if (outcome === 'refused')
      this.log.warn({ projections }, 'A rebuild that was asked for here was not begun: another one runs.')
    else if (outcome === 'unseen')
      this.log.warn(
        { projections },
        'It was not seen how a rebuild ended that was asked for here: another one was begun.',
      )
    else if (state.status === 'failed')
      this.log.error({ projections, reason: failure }, 'A rebuild failed; the old rows serve.')
    if (state.status !== 'completed') return
    for (const listener of this.listeners) listener()
    const fields = { projections, differences, elapsedMs }
    // Rows have payloads and identifiers, which no log has: whoever asks for the rebuild is told them.
    if (differences === 0) this.log.info(fields, 'Projections were rebuilt; every row is as it was.')
    else
      this.log.error(
        { ...fields, tables: [...new Set(examples.map(({ table }) => table))] },
        'Projections were rebuilt; rows that differed were mended.',
      )
  }

  /** Resolves when the tables are there. @throws what stopped it before that. */
  static async start(settings: ProjectorSettings, readYourWrites: ReadYourWrites, log: Log): Promise<ProjectorThread> {
    const worker = new Worker(new URL('./projector.worker.js', import.meta.url), { workerData: settings })
    let writes = true
    let resumed: RebuildState | null = null
    let thread: ProjectorThread | null = null
    const prepared = new Promise<void>((resolve, reject) => {
      const timer = setTimeout(
        () => stop(`The projections did not start within ${START_TIMEOUT_MS} ms.`),
        START_TIMEOUT_MS,
      )
      const stop = (reason: string): void => {
        clearTimeout(timer)
        // The first reason is the cause; what follows from it, or from being told to stop, needs no line.
        if (!thread?.isStopping && readYourWrites.stopped === null) {
          log.error({ reason }, 'The projections stopped. Usage and fresh reads are refused until the cause is mended.')
        }
        readYourWrites.stop(reason)
        reject(new Error(reason))
      }
      worker.on('message', (message: ProjectorMessage) => {
        switch (message.type) {
          case 'prepared':
            clearTimeout(timer)
            return resolve()
          case 'progress':
            return readYourWrites.advance(message.progress)
          case 'standing':
            writes = message.isWriting
            return
          case 'rebuild':
            // Later ones have a listener of their own.
            resumed ??= message.state
            return
          case 'anomaly':
            return log.error(message.anomaly, 'An event contradicts the log before it and was not folded.')
          case 'log':
            return log[message.level](message.fields, message.message)
          case 'stopped':
            return stop(message.message)
        }
      })
      worker.on('error', (error) => stop(describeLoss(error)))
      worker.on('exit', () => stop('The projecting thread ended.'))
    })
    try {
      await prepared
    } catch (error) {
      await worker.terminate()
      throw error
    }
    const started = new ProjectorThread(worker, readYourWrites, log, writes)
    thread = started
    if (resumed) started.rebuilds.note(resumed)
    readYourWrites.onWaiting(() => started.hurry())
    return started
  }

  /** Ends after the batch at hand. */
  async stop(): Promise<void> {
    this.isStopping = true
    clearInterval(this.looking)
    if (this.worker.threadId === -1) return
    const exited = once(this.worker, 'exit', { signal: AbortSignal.timeout(STOP_TIMEOUT_MS) })
    this.worker.postMessage('stop' satisfies ProjectorOrder)
    await exited.catch(() => this.worker.terminate())
  }
}

/** A thread has a heap of its own, as large as that of the process may be. */
function describeLoss(error: Error & { readonly code?: string }): string {
  if (error.code !== 'ERR_WORKER_OUT_OF_MEMORY') return error.message
  return (
    'The projecting thread had no memory left: start the service with a larger heap, ' +
    'NODE_OPTIONS=--max-old-space-size=<MiB>.'
  )
}
