/**
 * Buckets of time, always UTC and half-open `[start, end)`. Instants are integer milliseconds since the epoch; no
 * calendar, no time zone and no clock is read here.
 */
export type BucketSize = 'minute' | 'hour' | 'day'

export const SECOND_MS = 1000
export const MINUTE_MS = 60 * SECOND_MS
export const HOUR_MS = 60 * MINUTE_MS
export const DAY_MS = 24 * HOUR_MS

export const bucketSizes: readonly BucketSize[] = ['minute', 'hour', 'day']

export const bucketMs: Readonly<Record<BucketSize, number>> = { minute: MINUTE_MS, hour: HOUR_MS, day: DAY_MS }

/** Start of the bucket an instant falls in; right for instants before 1970 too. */
export function bucketStart(size: BucketSize, instant: number): number {
  const ms = bucketMs[size]
  return Math.floor(instant / ms) * ms
}

export function isAligned(size: BucketSize, instant: number): boolean {
  return instant % bucketMs[size] === 0
}

/** Each but the smallest is made of the next smaller ones. */
export const smallerBucket: Readonly<Record<BucketSize, BucketSize | null>> = {
  minute: null,
  hour: 'minute',
  day: 'hour',
}

/** From the start of the first bucket that `[start, end)` touches to the end of the last one. */
export function touchedBuckets(
  size: BucketSize,
  start: number,
  end: number,
): { readonly from: number; readonly to: number } {
  return { from: bucketStart(size, start), to: ceilTo(size, end) }
}

/** Whether a bucket that begins at `bucket` lies in `[start, end)` as a whole. */
export function isWithin(size: BucketSize, bucket: number, start: number, end: number): boolean {
  return bucket >= start && bucket + bucketMs[size] <= end
}

function ceilTo(size: BucketSize, instant: number): number {
  const start = bucketStart(size, instant)
  return start === instant ? instant : start + bucketMs[size]
}
