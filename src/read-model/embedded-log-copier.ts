/**
 * Takes the read model's write-ahead log into its file from a thread of its own, so that the projector does not stand still
 * meanwhile, and reads that wait for it do not either.
 *
 * SQLite begins the log anew only once all of it was copied, and whoever writes on is always a little ahead of the copying
 * thread. So when the log has grown long the writer copies the rest itself, which is then little. Where reads overlap all the
 * time there is always one that still needs what is behind it, and the log would grow for as long as they do: once it is longer
 * than that the writer waits for those that are under way.
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
/** At which it waits for those who read. 256 MiB. */
const TOO_LONG_LOG_PAGES = 65_536
/** Until it waits for them again, where some took longer. */
const WAIT_AGAIN_MS = 30_000
const STOP_TIMEOUT_MS = 30_000

/** On the writer's own connection. */
export interface WriterCopies {
  /** As far as nobody still needs what would be written over. */
  rest(): void
  /** All of it, waiting a bounded time for those who read; whether the log begins anew. */
  all(): boolean
}

export class LogCopier {
  private worker: Worker | null = null
  private isCopying = false
  private logPages = 0
  private waitNotBefore = -Infinity
  private notBefore = -Infinity

  /** `identity`: of the file whose log it is. */
  constructor(
    private readonly file: string,
    private readonly identity: FileIdentity,
    private readonly longPages = LONG_LOG_PAGES,
    private readonly tooLongPages = TOO_LONG_LOG_PAGES,
  ) {}

  /**
   * To be called after each commit. What was committed is committed whatever comes of the copying, so nothing is thrown: the
   * log keeps everything, and the next commit says so if it cannot go on.
   */
  committed(copies: WriterCopies): void {
    if (this.isCopying) return
    if (this.logPages > this.longPages) {
      const isTooLong = this.logPages > this.tooLongPages && performance.now() >= this.waitNotBefore
      this.logPages = 0
      if (!isTooLong) attempt(() => copies.rest())
      else if (!attempt(() => copies.all())) this.waitNotBefore = performance.now() + WAIT_AGAIN_MS
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
      this.logPages = logPages
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
function attempt(what: () => boolean | void): boolean {
  try {
    return what() !== false
  } catch {
    return false
  }
}
