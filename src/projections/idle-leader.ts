/**
 * The leading process that gives no sign while something is to be done: it may be stopped and not ended, or not reach the log.
 * Its session is ended, so that another one leads. One that worked on, slow as all of them may be, loses what it had not written
 * with it: where that happens again and again each is given more time.
 */
import type { ReadModel } from '../read-model/read-model.js'
import { LEADER_ENDED } from './shared-rows.js'

/** Of the doublings of the patience. */
const DOUBLED_MAX = 3
/** After so long without one being ended the first patience is enough again. */
const FORGOTTEN_AFTER_MS = 120_000

export class IdleLeader {
  private endedCount = 0
  private endedAt = -Infinity

  constructor(
    private readonly readModel: Pick<ReadModel, 'endIdleLeader'>,
    private readonly firstPatienceMs: number,
    private readonly report: (message: string) => void,
  ) {}

  get patienceMs(): number {
    return this.firstPatienceMs * 2 ** Math.min(this.recentlyEnded, DOUBLED_MAX)
  }

  /** Whether there was one, and its session is ended. */
  async end(): Promise<boolean> {
    if (!(await this.readModel.endIdleLeader(this.patienceMs))) return false
    this.endedCount = this.recentlyEnded + 1
    this.endedAt = performance.now()
    this.report(LEADER_ENDED)
    return true
  }

  private get recentlyEnded(): number {
    return performance.now() - this.endedAt < FORGOTTEN_AFTER_MS ? this.endedCount : 0
  }
}
