/** `contribution` is exact decimal text; `showInstant` writes milliseconds since the epoch for people. */
export function describeFate(fate, contribution, showInstant) {
    switch (fate.code) {
        case 'counted':
            return `It counts, and gives ${contribution} to the total.`;
        case 'overwritten':
            return `${fate.by} was recorded later in the same ${fate.window}, and of each ${fate.window} only the event recorded last counts.`;
        case 'not_last':
            return `${fate.by} is later, and only the latest value of the interval counts.`;
        case 'cancelled':
            return `It was cancelled at ${showInstant(fate.at)}.`;
        case 'outside':
            return fate.window === null
                ? 'It happened outside the interval.'
                : `It happened outside the interval. It was looked at because its ${fate.window} is partly inside.`;
    }
}
//# sourceMappingURL=record-fate.js.map