/** Starts the projecting thread and passes on what it says. */
import { once } from 'node:events'
import { Worker } from 'node:worker_threads'
import type { Log } from '../event-store/open-event-store.js'
import type { ReadYourWrites } from '../event-store/read-your-writes.js'
import type { ProjectorMessage, ProjectorSettings } from './projector.worker.js'

const START_TIMEOUT_MS = 60_000
const STOP_TIMEOUT_MS = 30_000

export class ProjectorThread {
  private constructor(private readonly worker: Worker) {}

  /** Resolves when the tables are there. @throws what stopped it before that. */
  static async start(settings: ProjectorSettings, readYourWrites: ReadYourWrites, log: Log): Promise<ProjectorThread> {
    const worker = new Worker(new URL('./projector.worker.js', import.meta.url), { workerData: settings })
    const prepared = new Promise<void>((resolve, reject) => {
      const timer = setTimeout(
        () => reject(new Error(`The projections did not start within ${START_TIMEOUT_MS} ms.`)),
        START_TIMEOUT_MS,
      )
      const stop = (message: string): void => {
        clearTimeout(timer)
        readYourWrites.stop(message)
        reject(new Error(message))
      }
      worker.on('message', (message: ProjectorMessage) => {
        switch (message.type) {
          case 'prepared':
            clearTimeout(timer)
            return resolve()
          case 'progress':
            return readYourWrites.advance(message.progress)
          case 'anomaly':
            return log.error(message.anomaly, 'An event contradicts the log before it and was not folded.')
          case 'log':
            return log[message.level](message.fields, message.message)
          case 'stopped':
            log.error(
              { reason: message.message },
              'The projections stopped. Usage and fresh reads are refused until the cause is mended.',
            )
            return stop(message.message)
        }
      })
      worker.on('error', (error) => stop(error.message))
      worker.on('exit', () => stop('The projecting thread ended.'))
    })
    try {
      await prepared
    } catch (error) {
      await worker.terminate()
      throw error
    }
    return new ProjectorThread(worker)
  }

  /** Ends after the batch at hand. */
  async stop(): Promise<void> {
    if (this.worker.threadId === -1) return
    const exited = once(this.worker, 'exit', { signal: AbortSignal.timeout(STOP_TIMEOUT_MS) })
    this.worker.postMessage('stop')
    await exited.catch(() => this.worker.terminate())
  }
}
