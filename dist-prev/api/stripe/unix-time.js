/** v1 speaks in whole Unix seconds, the domain in milliseconds. */
export const UNIX_SECONDS_MAX = 253_402_300_799; // 9999-12-31T23:59:59Z
export function toUnixSeconds(instantMs) {
    return Math.floor(instantMs / 1000);
}
export function fromUnixSeconds(seconds) {
    return seconds * 1000;
}
//# sourceMappingURL=unix-time.js.map