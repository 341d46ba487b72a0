/** Audits of a running service: one at a time, in a thread of its own; the last ones are remembered until it stops. */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { LedgerName } from '../domain/ledger.js'
import type { Log } from '../event-store/open-event-store.js'
import type { AuditProgress, AuditSelection, AuditVerdict } from './audit.js'
import type { AuditMessage, AuditTask } from './audit.worker.js'
import type { AuditSettings } from './run-audit.js'

/** Finished audits whose verdict can still be asked for. */
export const AUDITS_REMEMBERED_MAX = 20
const STOP_TIMEOUT_MS = 10_000

export interface AuditJob {
  readonly id: string
  readonly ledger: LedgerName
  readonly selection: AuditSelection
  /** Milliseconds since the epoch. */
  readonly startedAt: number
  readonly endedAt: number | null
  readonly status: 'running' | 'completed' | 'failed'
  readonly progress: AuditProgress
  readonly verdict: AuditVerdict | null
  /** Why there is no verdict. */
  readonly failure: string | null
}

/** Since the start, in milliseconds since the epoch; null: not yet. */
export interface LastVerdicts {
  readonly agreedAt: number | null
  readonly doubtedAt: number | null
}

/** Another audit is running; it is named where it is the same ledger's. */
export class AuditRunning extends Error {
  override readonly name = 'AuditRunning'

  constructor(readonly job: AuditJob) {
    super('Another audit is running.')
  }
}

export class Audits {
  private readonly jobs = new Map<string, AuditJob>()
  private running: { readonly id: string; readonly worker: Worker } | null = null
  private isClosed = false
  private readonly verdicts: { agreedAt: number | null; doubtedAt: number | null } = { agreedAt: null, doubtedAt: null }

  constructor(
    private readonly settings: AuditSettings,
    private readonly now: () => number,
    private readonly newId: () => string,
    private readonly log: Log,
  ) {}

  /** @throws AuditRunning */
  start(ledger: LedgerName, selection: AuditSelection): AuditJob {
    if (this.isClosed) throw new Error('The service is stopping.')
    const busy = this.running && this.jobs.get(this.running.id)
    if (busy) throw new AuditRunning(busy)
    const job: AuditJob = {
      id: `aud_${this.newId()}`,
      ledger,
      selection,
      startedAt: this.now(),
      endedAt: null,
      status: 'running',
      progress: { phase: 'folding', done: 0, fraction: null },
      verdict: null,
      failure: null,
    }
    // Where there is no thread for it, there is no audit.
    this.running = { id: job.id, worker: this.thread(job) }
    this.jobs.set(job.id, job)
    for (const id of this.jobs.keys()) {
      if (this.jobs.size <= AUDITS_REMEMBERED_MAX) break
      this.jobs.delete(id)
    }
    return job
  }

  /** null also for another ledger's. */
  find(ledger: LedgerName, id: string): AuditJob | null {
    const job = this.jobs.get(id)
    return job?.ledger === ledger ? job : null
  }

  /** Those that are remembered, the newest first. */
  list(ledger: LedgerName): readonly AuditJob[] {
    return [...this.jobs.values()].filter((job) => job.ledger === ledger).reverse()
  }

  get isRunning(): boolean {
    return this.running !== null
  }

  /** When an audit of any ledger last agreed, and when one last did not: the one says nothing of what the other looked at. */
  get lastVerdicts(): LastVerdicts {
    return this.verdicts
  }

  /** Ends the one that runs, with its scratch files. */
  async close(): Promise<void> {
    this.isClosed = true
    const worker = this.running?.worker
    if (!worker || worker.threadId === -1) return
    const exited = once(worker, 'exit', { signal: AbortSignal.timeout(STOP_TIMEOUT_MS) })
    worker.postMessage('stop')
    await exited.catch(() => worker.terminate())
  }

  private thread({ id, selection }: AuditJob): Worker {
    const task: AuditTask = { settings: this.settings, selection }
    const worker = new Worker(new URL('./audit.worker.js', import.meta.url), { workerData: task })
    worker.on('message', (message: AuditMessage) => {
      switch (message.type) {
        case 'progress':
          return this.change(id, { progress: message.progress })
        case 'log':
          return this.log[message.level](message.fields, message.message)
        case 'verdict': {
          const { verdict } = message
          if (verdict.verdict !== 'agrees') {
            this.log.error(
              { audit: id, verdict: verdict.verdict, findings: verdict.findingCount },
              'An audit found differences.',
            )
          }
          this.ended(id)
          const endedAt = this.now()
          if (verdict.verdict === 'agrees') this.verdicts.agreedAt = endedAt
          else this.verdicts.doubtedAt = endedAt
          return this.change(id, { status: 'completed', endedAt, verdict })
        }
        case 'failed':
          this.ended(id)
          return this.change(id, { status: 'failed', endedAt: this.now(), failure: message.message })
      }
    })
    worker.on('error', (error) => this.change(id, { status: 'failed', endedAt: this.now(), failure: error.message }))
    worker.on('exit', () => {
      this.ended(id)
      if (this.jobs.get(id)?.status === 'running') {
        this.change(id, { status: 'failed', endedAt: this.now(), failure: 'The auditing thread ended.' })
      }
    })
    return worker
  }

  /** Its scratch files are gone, and its thread is about to be. */
  private ended(id: string): void {
    if (this.running?.id === id) this.running = null
  }

  private change(id: string, changed: Partial<AuditJob>): void {
    const job = this.jobs.get(id)
    if (job) this.jobs.set(id, { ...job, ...changed })
  }
}
