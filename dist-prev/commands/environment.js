/** What commands may not make up themselves: the time and fresh ids. Tests give fixed ones. */
import { randomFillSync, randomUUID } from 'node:crypto';
/** Dependency-injection tokens. */
export const CLOCK = Symbol('Clock');
export const IDS = Symbol('Ids');
export const systemClock = { now: () => Date.now() };
export const systemStopwatch = { elapsedMs: () => performance.now() };
const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz';
/** Bytes from here on would make some letters likelier than others. */
const FAIR_BYTES = 256 - (256 % ALPHABET.length);
/** Random bytes are fetched many at a time, because fetching costs more than using them. Each is used once. */
const pool = Buffer.alloc(4096);
let used = pool.length;
function randomByte() {
    if (used === pool.length) {
        randomFillSync(pool);
        used = 0;
    }
    const byte = pool[used];
    // A key that was made of them is not left in memory.
    pool[used++] = 0;
    return byte;
}
export const randomIds = {
    uuid: () => randomUUID(),
    random: (length) => {
        let text = '';
        while (text.length < length) {
            const byte = randomByte();
            if (byte < FAIR_BYTES)
                text += ALPHABET.charAt(byte % ALPHABET.length);
        }
        return text;
    },
};
//# sourceMappingURL=environment.js.map