export const START = { position: null, sequence: 0, event: null };
export function isSameImage({ parts }, other) {
    return (parts.length === other.parts.length &&
        parts.every((part, at) => {
            const its = other.parts[at];
            return typeof part === 'string' || typeof its !== 'object' ? part === its : Buffer.compare(part, its) === 0;
        }));
}
/** It cannot be written just now, and nothing was: no room, or another process is writing. Waiting may mend it. */
export class ReadModelUnavailable extends Error {
    name = 'ReadModelUnavailable';
}
/** What is stored is not what was written. The rows can be built anew from the log. */
export class ReadModelDamaged extends Error {
    name = 'ReadModelDamaged';
}
/** Dependency-injection token of the port. */
export const READ_MODEL = Symbol('ReadModel');
//# sourceMappingURL=read-model.js.map