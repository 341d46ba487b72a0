/**
 * How fast each API key may go: a bucket of tokens for each, filled at the rate, holding at most what one second fills.
 *
 * A call is taken while there is anything in the bucket and may overdraw it, so that none is too large ever to be taken;
 * the next one waits until that is paid back. Within any t seconds a key therefore spends at most (1 + t) × rate and the
 * cost of one call.
 */
import type { Stopwatch } from '../commands/environment.js'

/** Keys whose buckets are kept; the one that was used longest ago is forgotten first, and then starts with a full bucket. */
export const RATE_LIMITED_KEYS_MAX = 10_000
/** How much a bucket holds, as the time in which it fills. */
const BURST_SECONDS = 1
/** What is said to be waited is a second more where it would be just enough: sums of fractions are not exact. */
const ROUNDING_SECONDS = 1e-7

interface Bucket {
  /** Tokens; below zero: overdrawn. */
  readonly level: number
  readonly atMs: number
}

export class RateLimiter {
  /** By key, the one used longest ago first. */
  private readonly buckets = new Map<string, Bucket>()

  constructor(
    private readonly perSecond: number,
    private readonly stopwatch: Stopwatch,
  ) {}

  /** Takes the cost out of the key's bucket and answers null, or takes nothing and answers after how many seconds it can. */
  take(key: string, cost: number): number | null {
    const level = this.levelOf(key)
    if (level <= 0) return Math.floor(-level / this.perSecond + ROUNDING_SECONDS) + 1
    this.keep(key, { level: level - cost, atMs: this.stopwatch.elapsedMs() })
    return null
  }

  private levelOf(key: string): number {
    const capacity = this.perSecond * BURST_SECONDS
    const bucket = this.buckets.get(key)
    if (!bucket) return capacity
    const passedMs = this.stopwatch.elapsedMs() - bucket.atMs
    return Math.min(capacity, bucket.level + (this.perSecond * passedMs) / 1000)
  }

  private keep(key: string, bucket: Bucket): void {
    this.buckets.delete(key)
    this.buckets.set(key, bucket)
    if (this.buckets.size <= RATE_LIMITED_KEYS_MAX) return
    const [oldest] = this.buckets.keys()
    if (oldest !== undefined) this.buckets.delete(oldest)
  }
}
