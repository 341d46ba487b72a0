/**
 * Takes the read model's write-ahead log into its file from a thread of its own, so that the projector does not stand still
 * meanwhile, and reads that wait for it do not either.
 *
 * SQLite begins the log anew only once all of it was copied, and whoever writes on is always a little ahead of the copying
 * thread. So when the log has grown long the writer copies the rest itself, which is then little.
 */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { FileIdentity } from '../opened-file.js'
import type { CopierAnswer, CopierRequest, CopierTask } from './embedded-log-copier.worker.js'

/** After a copy the next one begins at the earliest. */
const PAUSE_MS = 200
/** After a thread was lost: where one cannot begin, the next one will not either. */
const LOST_PAUSE_MS = 10_000
/** Pages of the log at which the writer copies the rest. 128 MiB. */
const LONG_LOG_PAGES = 32_768
const STOP_TIMEOUT_MS = 30_000

export class LogCopier {
  private worker: Worker | null = null
  private isCopying = false
  private isLong = false
  private notBefore = -Infinity

  /** `identity`: of the file whose log it is. */
  constructor(
    private readonly file: string,
    private readonly identity: FileIdentity,
  ) {}

  /**
   * To be called after each commit; `copyRest` copies on the writer's own connection. What was committed is committed whatever
   * comes of the copying, so nothing is thrown: the log keeps everything, and the next commit says so if it cannot go on.
   */
  committed(copyRest: () => void): void {
    if (this.isCopying) return
    if (this.isLong) {
      this.isLong = false
      attempt(copyRest)
    }
    if (performance.now() < this.notBefore) return
    this.isCopying = true
    if (!attempt(() => this.thread().postMessage('copy' satisfies CopierRequest))) this.lost()
  }

  async stop(): Promise<void> {
    const { worker } = this
    if (!worker) return
    this.worker = null
    const exited = once(worker, 'exit', { signal: AbortSignal.timeout(STOP_TIMEOUT_MS) })
    worker.postMessage('stop' satisfies CopierRequest)
    await exited.catch(() => worker.terminate())
  }

  private thread(): Worker {
    if (this.worker) return this.worker
    const { file, identity } = this
    const workerData = { file, identity } satisfies CopierTask
    const worker = new Worker(new URL('./embedded-log-copier.worker.js', import.meta.url), { workerData })
    worker.on('message', ({ logPages }: CopierAnswer) => {
      this.notBefore = performance.now() + PAUSE_MS
      this.isCopying = false
      this.isLong = logPages > LONG_LOG_PAGES
    })
    const isLost = (): void => {
      if (this.worker === worker) this.lost()
    }
    worker.on('error', isLost)
    worker.on('exit', isLost)
    worker.unref()
    this.worker = worker
    return worker
  }

  /** Without a thread the log is copied by the writer, once it is as long as SQLite was told. */
  private lost(): void {
    this.worker = null
    this.isCopying = false
    this.notBefore = performance.now() + LOST_PAUSE_MS
  }
}

/** Whether it could be done: there may be no room on the disk, or no file descriptor or memory left for a thread. */
function attempt(what: () => void): boolean {
  try {
    what()
    return true
  } catch {
    return false
  }
}
