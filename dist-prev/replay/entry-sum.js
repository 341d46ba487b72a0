/**
 * Which entries of whole numbers there are, told by four sums: two collections of the same entries have the same sums,
 * whatever order they come in. Each entry is hashed with keys that are drawn anew for every comparison, so that nobody can
 * prepare other entries with the same sums; damage has them once in 2¹²⁸.
 */
import { randomFillSync } from 'node:crypto';
const SUMS = 4;
const KEYS_PER_SUM = 2;
const WORD = 2 ** 32;
/** Keys for sums that are to be compared with each other. */
export function newSumKeys() {
    const keys = randomFillSync(new Int32Array(SUMS * KEYS_PER_SUM));
    // What is multiplied by an odd number can be told apart afterwards.
    for (let at = 1; at < keys.length; at += KEYS_PER_SUM)
        keys[at] = keys[at] | 1;
    return keys;
}
export class EntrySum {
    keys;
    sums = new Uint32Array(SUMS);
    added = 0;
    constructor(keys) {
        this.keys = keys;
    }
    get count() {
        return this.added;
    }
    /** Its numbers in the order of its columns. */
    add(entry) {
        const { sums, keys } = this;
        for (let at = 0; at < SUMS; at++) {
            let hash = keys[KEYS_PER_SUM * at];
            const factor = keys[KEYS_PER_SUM * at + 1];
            for (const value of entry) {
                hash = mixed(hash, value | 0, factor);
                hash = mixed(hash, Math.floor(value / WORD), factor);
            }
            sums[at] = sums[at] + finished(hash);
        }
        this.added++;
    }
    /** The sums, as they can be handed to another thread. */
    get values() {
        return [...this.sums];
    }
}
/** A round of MurmurHash3, with a factor of one's own. */
function mixed(hash, word, factor) {
    let block = Math.imul(word, factor);
    block = (block << 15) | (block >>> 17);
    const next = hash ^ Math.imul(block, 0x1b873593);
    return (Math.imul((next << 13) | (next >>> 19), 5) + 0xe6546b64) | 0;
}
function finished(hash) {
    let last = hash ^ (hash >>> 16);
    last = Math.imul(last, 0x85ebca6b);
    last ^= last >>> 13;
    last = Math.imul(last, 0xc2b2ae35);
    return last ^ (last >>> 16);
}
//# sourceMappingURL=entry-sum.js.map