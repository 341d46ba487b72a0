export const DEFAULT_LIMITS = {
    appendTryMs: 5_000,
    appendTotalMs: 30_000,
    appendsInFlightMax: 256,
    appendBytesInFlightMax: 8 * 1024 * 1024,
    appendQueueMs: 30_000,
    backOffMsMin: 50,
    backOffMsMax: 2_000,
    unknownOutcomesMax: 3,
    readProgressMs: 10_000,
    readTriesMax: 3,
    quietMs: 500,
    checkMs: 2_000,
    closeMs: 10_000,
    disposeMs: 1_000,
};
/**
 * The client sends its append deadline as a point of time by its own clock, and a server whose clock is ahead of it
 * refuses everything. The server never waits longer than 2 s whatever it is told, so a deadline a day away costs
 * nothing and forgives a day of skew; how long to wait is decided by our own timers.
 */
export const APPEND_DEADLINE_MS = 24 * 60 * 60 * 1000;
/** Data of one append. Servers have limits of their own (1 MiB before 25.1); beyond this gRPC ends the whole stream. */
export const APPEND_BYTES_MAX = 15 * 1024 * 1024;
/** Log records a filtered subscription considers between two checkpoints; the server's default of 32 is slow. */
export const SEARCH_WINDOW = 2_000;
export function backOffMs({ backOffMsMin, backOffMsMax }, attempt) {
    const whole = Math.min(backOffMsMax, backOffMsMin * 2 ** Math.min(attempt, 20));
    return whole * (0.5 + Math.random() / 2);
}
//# sourceMappingURL=eventstoredb-limits.js.map