/** Keys whose buckets are kept; the one that was used longest ago is forgotten first, and then starts with a full bucket. */
export const RATE_LIMITED_KEYS_MAX = 10_000;
/** How much a bucket holds, as the time in which it fills. */
const BURST_SECONDS = 1;
/** What is said to be waited is a second more where it would be just enough: sums of fractions are not exact. */
const ROUNDING_SECONDS = 1e-7;
export class RateLimiter {
    perSecond;
    stopwatch;
    /** By key, the one used longest ago first. */
    buckets = new Map();
    constructor(perSecond, stopwatch) {
        this.perSecond = perSecond;
        this.stopwatch = stopwatch;
    }
    /** Takes the cost out of the key's bucket and answers null, or takes nothing and answers after how many seconds it can. */
    take(key, cost) {
        const level = this.levelOf(key);
        if (level <= 0)
            return Math.floor(-level / this.perSecond + ROUNDING_SECONDS) + 1;
        this.keep(key, { level: level - cost, atMs: this.stopwatch.elapsedMs() });
        return null;
    }
    levelOf(key) {
        const capacity = this.perSecond * BURST_SECONDS;
        const bucket = this.buckets.get(key);
        if (!bucket)
            return capacity;
        const passedMs = this.stopwatch.elapsedMs() - bucket.atMs;
        return Math.min(capacity, bucket.level + (this.perSecond * passedMs) / 1000);
    }
    keep(key, bucket) {
        this.buckets.delete(key);
        this.buckets.set(key, bucket);
        if (this.buckets.size <= RATE_LIMITED_KEYS_MAX)
            return;
        const [oldest] = this.buckets.keys();
        if (oldest !== undefined)
            this.buckets.delete(oldest);
    }
}
//# sourceMappingURL=rate-limiter.js.map