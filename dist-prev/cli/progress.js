/**
 * How far a long command is, on standard error: one line that is drawn again on a terminal, a plain line from time to time
 * elsewhere. Nothing is drawn by a timer: it moves when the work does.
 */
const TERMINAL_EVERY_MS = 100;
const PLAIN_EVERY_MS = 5_000;
/** Before so much time a rate says nothing. */
const RATE_AFTER_SECONDS = 0.5;
const BAR_WIDTH = 24;
const CLEAR_LINE = '\r\u001b[K';
export class Progress {
    output;
    noun;
    since = performance.now();
    shownAt = -Infinity;
    constructor(output, 
    /** What is counted, in the plural. */
    noun) {
        this.output = output;
        this.noun = noun;
    }
    get seconds() {
        return (performance.now() - this.since) / 1000;
    }
    /** `fraction` of the whole, from 0 to 1; null where the whole is not known. */
    show(done, fraction) {
        if (!this.output)
            return;
        const now = performance.now();
        if (now - this.shownAt < (this.output.isTTY ? TERMINAL_EVERY_MS : PLAIN_EVERY_MS))
            return;
        this.shownAt = now;
        const { seconds } = this;
        const hasRate = seconds >= RATE_AFTER_SECONDS;
        const parts = [`${grouped(done)} ${this.noun}`];
        if (hasRate)
            parts.push(`${grouped(done / seconds)}/s`);
        if (fraction !== null && fraction > 0 && fraction <= 1) {
            parts.push(`${Math.floor(fraction * 100)} %`);
            if (hasRate)
                parts.push(`${duration((seconds * (1 - fraction)) / fraction)} left`);
            if (this.output.isTTY)
                parts.unshift(bar(fraction));
        }
        const line = parts.join('  ');
        this.output.write(this.output.isTTY ? `${CLEAR_LINE}${line}` : `${line}\n`);
    }
    /** Takes the line away from a terminal. */
    clear() {
        if (this.output?.isTTY && this.shownAt > -Infinity)
            this.output.write(CLEAR_LINE);
    }
}
/** A whole number with its thousands apart. */
export function grouped(number) {
    return Math.round(number)
        .toString()
        .replace(/\B(?=(\d{3})+$)/g, ' ');
}
function bar(fraction) {
    const full = Math.floor(fraction * BAR_WIDTH);
    return `[${'#'.repeat(full)}${'.'.repeat(BAR_WIDTH - full)}]`;
}
function duration(seconds) {
    const whole = Math.ceil(seconds);
    if (whole < 60)
        return `${whole} s`;
    if (whole < 3600)
        return `${Math.floor(whole / 60)} min ${whole % 60} s`;
    return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`;
}
//# sourceMappingURL=progress.js.map