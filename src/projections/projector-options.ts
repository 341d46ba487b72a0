/** What a projector can be told, and what it does untold. */
import { GATHERING, type GatheringLimits } from './gathering.js'

export interface ProjectorOptions {
  readonly gathering: GatheringLimits
  /** How long a start waits for the leading process to make the tables this one reads, or to be gone: one of another version may be about to end. */
  readonly otherTablesWaitMs: number
  /**
   * A leading process that gives no sign for so long, while something is to be done, loses the lead: it may be stopped and not
   * ended. Where that happens again and again it is given more (`IdleLeader`).
   */
  readonly idleLeaderMs: number
  /** Whether others may be on the same log, and so share the rows. */
  readonly mayFollow: boolean
}

export const PROJECTOR_OPTIONS: ProjectorOptions = {
  gathering: GATHERING,
  otherTablesWaitMs: 30_000,
  idleLeaderMs: 5_000,
  mayFollow: true,
}
