export const MINUTE_MS = 60_000;
export const HOUR_MS = 60 * MINUTE_MS;
export const DAY_MS = 24 * HOUR_MS;
export const bucketSizes = ['minute', 'hour', 'day'];
export const bucketMs = { minute: MINUTE_MS, hour: HOUR_MS, day: DAY_MS };
/** Start of the bucket an instant falls in; right for instants before 1970 too. */
export function bucketStart(size, instant) {
    const ms = bucketMs[size];
    return Math.floor(instant / ms) * ms;
}
export function isAligned(size, instant) {
    return instant % bucketMs[size] === 0;
}
/**
 * The fewest whole buckets that cover a minute-aligned interval exactly: days in the middle, hours and minutes at the
 * edges, in time order. A month read this way is 31 days and at most 46 hours and 118 minutes.
 */
export function coverWithBuckets(start, end) {
    const runs = [];
    const add = (size, from, to) => {
        if (from < to)
            runs.push({ size, start: from, end: to });
    };
    const firstHour = Math.min(ceilTo('hour', start), end);
    const lastHour = Math.max(bucketStart('hour', end), firstHour);
    const firstDay = Math.min(ceilTo('day', firstHour), lastHour);
    const lastDay = Math.max(bucketStart('day', lastHour), firstDay);
    add('minute', start, firstHour);
    add('hour', firstHour, firstDay);
    add('day', firstDay, lastDay);
    add('hour', lastDay, lastHour);
    add('minute', lastHour, end);
    return runs;
}
function ceilTo(size, instant) {
    const start = bucketStart(size, instant);
    return start === instant ? instant : start + bucketMs[size];
}
//# sourceMappingURL=time-bucket.js.map