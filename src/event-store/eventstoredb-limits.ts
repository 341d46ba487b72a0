/**
 * Every time-out and limit of the EventStoreDB adapter, with its default. All of them are needed: the client itself
 * waits for ever for appends and reads, queues without bound, and never tries again.
 */
export interface EventStoreDbLimits {
  /** How long one try of an append may go unanswered; the server gives up after 2 s by itself. */
  readonly appendTryMs: number
  /** How long an append is tried again while its outcome is unknown, from its first try. */
  readonly appendTotalMs: number
  /** How long an append is tried again that is denied, from its first try: rights are lost for a moment while they are changed. */
  readonly appendDeniedMs: number
  /** How long after the last one that was denied the store is not called usable, unless its stream takes one before. */
  readonly deniedToldMs: number
  /** Appends sent and not yet answered. The client loses track of what fails above about 1000. */
  readonly appendsInFlightMax: number
  /**
   * Bytes of those together. What waits in the client's buffers runs against `appendTryMs` too: with more than the
   * connection takes in that time, every append would be given up and sent again, for ever.
   */
  readonly appendBytesInFlightMax: number
  /** How long an append may wait for its turn before it is answered `unavailable`. */
  readonly appendQueueMs: number
  /** After so long without an answer to any append, others are refused at once until one settles. */
  readonly refuseAfterMs: number
  /** Back-off doubles from the first to the second, each time by a random half to whole of it. */
  readonly backOffMsMin: number
  readonly backOffMsMax: number
  /** Unknown outcomes in a row after which the appending client is replaced. */
  readonly unknownOutcomesMax: number
  /** How long a read may make no progress. */
  readonly readProgressMs: number
  /** Tries of a read for which a caller waits, without progress in between; what failed after longer is not tried again. */
  readonly readTriesMax: number
  readonly readRetryMs: number
  /** How long a read in the background is tried again without progress: longer than finding another leader takes. */
  readonly backgroundReadMs: number
  /** How long a subscription is tried again while its user is denied to read. */
  readonly deniedMs: number
  /** How long a subscription from a server that never says `caught up` is quiet before the end is looked up. */
  readonly quietMs: number
  /** How long one that caught up is silent before the leader is asked whether anything is missing. */
  readonly idleMs: number
  readonly checkMs: number
  /** How long `close` lets appends under way settle. */
  readonly closeMs: number
  /** How long the client may take to dispose of its streams; it can hang. */
  readonly disposeMs: number
}

export const DEFAULT_LIMITS: EventStoreDbLimits = {
  appendTryMs: 5_000,
  appendTotalMs: 30_000,
  appendDeniedMs: 2_000,
  deniedToldMs: 30_000,
  appendsInFlightMax: 256,
  appendBytesInFlightMax: 8 * 1024 * 1024,
  appendQueueMs: 30_000,
  refuseAfterMs: 10_000,
  backOffMsMin: 50,
  backOffMsMax: 2_000,
  unknownOutcomesMax: 3,
  readProgressMs: 10_000,
  readTriesMax: 3,
  readRetryMs: 2_000,
  backgroundReadMs: 30_000,
  deniedMs: 30_000,
  quietMs: 500,
  idleMs: 3_000,
  checkMs: 2_000,
  closeMs: 10_000,
  disposeMs: 1_000,
}

/**
 * The client sends its append deadline as a point of time by its own clock, and a server whose clock is ahead of it
 * refuses everything. The server never waits longer than 2 s whatever it is told, so a deadline a day away costs
 * nothing and forgives a day of skew; how long to wait is decided by our own timers.
 */
export const APPEND_DEADLINE_MS = 24 * 60 * 60 * 1000

/** Data of one append. Servers have limits of their own (1 MiB before 25.1); beyond this gRPC ends the whole stream. */
export const APPEND_BYTES_MAX = 15 * 1024 * 1024

/** Log records a filtered subscription considers between two checkpoints; the server's default of 32 is slow. */
export const SEARCH_WINDOW = 2_000

/** What the adapter says about itself. pino's shape. */
export interface EventStoreDbLog {
  warn(details: object, message: string): void
  error(details: object, message: string): void
}

export function backOffMs({ backOffMsMin, backOffMsMax }: EventStoreDbLimits, attempt: number): number {
  const whole = Math.min(backOffMsMax, backOffMsMin * 2 ** Math.min(attempt, 20))
  return whole * (0.5 + Math.random() / 2)
}
