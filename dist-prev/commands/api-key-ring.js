/**
 * The API keys of the installation, folded from the `keys` stream and remembered. A key is found by the hash of what a
 * client presented; the comparison takes the same time whatever was presented.
 *
 * Before a key is refused the stream is asked once more, since another process may have issued it a moment ago. Requests
 * with unknown keys share that reading: however many there are, they cause one at a time and at most one each interval.
 */
import { createHash, timingSafeEqual } from 'node:crypto';
import { setTimeout as delay } from 'node:timers/promises';
import * as ApiKeys from '../domain/api-keys.js';
import { KEYS_STREAM } from '../event-store/streams.js';
import { FoldedStream } from '../event-store/transact.js';
/** From one reading on behalf of unknown keys to the next. It is also the longest such a request waits for its refusal. */
export const UNKNOWN_KEY_READ_INTERVAL_MS = 100;
export class ApiKeyRing {
    stream;
    /** Active keys by hash. Rebuilt when the stream changed. */
    byHash = new Map();
    from = null;
    changes = 0;
    /** The number of changes that what is remembered reflects at least. */
    reflected = -1;
    /** Under way; whoever finds the ring stale waits for it. */
    reading = null;
    /** Not begun yet; whoever presents an unknown key until then waits for it. */
    nextReading = null;
    lastReadingAt = -Infinity;
    constructor(store, newEventId) {
        this.stream = new FoldedStream(store, KEYS_STREAM, ApiKeys, newEventId);
    }
    changed(streams) {
        if (streams.includes(KEYS_STREAM))
            this.changes++;
    }
    /** The active key a client presented; null for any other text. */
    async find(presented) {
        const hash = hashOfKey(presented);
        if (this.reflected < this.changes)
            await this.read();
        const known = match(this.active(), hash);
        if (known)
            return known;
        await (this.nextReading ??= this.readSoon());
        return match(this.active(), hash);
    }
    /** The active key with this id; null for any other text. */
    async findById(keyId) {
        if (this.reflected < this.changes)
            await this.read();
        // As in `find`: another process may have issued it a moment ago.
        if (!this.stream.remembered.keys.has(keyId))
            await (this.nextReading ??= this.readSoon());
        const key = this.stream.remembered.keys.get(keyId);
        return key && key.revokedAt === null ? key : null;
    }
    read() {
        this.reading ??= this.readNow().finally(() => (this.reading = null));
        return this.reading;
    }
    async readNow() {
        const { changes } = this;
        await this.stream.read();
        this.reflected = Math.max(this.reflected, changes);
    }
    /** A reading that begins after everyone who waits for it has asked, so that it sees every key issued before they did. */
    async readSoon() {
        await delay(Math.max(0, this.lastReadingAt + UNKNOWN_KEY_READ_INTERVAL_MS - performance.now()));
        while (this.reading)
            await this.reading.catch(() => undefined);
        this.nextReading = null;
        this.lastReadingAt = performance.now();
        await this.read();
    }
    active() {
        const state = this.stream.remembered;
        if (state !== this.from) {
            this.from = state;
            const active = [...state.keys.values()].filter(({ revokedAt }) => revokedAt === null);
            this.byHash = new Map(active.map((key) => [key.hash, key]));
        }
        return this.byHash;
    }
}
export function hashOfKey(key) {
    return createHash('sha256').update(key).digest('hex');
}
function match(keys, hash) {
    const key = keys.get(hash);
    return key && timingSafeEqual(Buffer.from(key.hash, 'hex'), Buffer.from(hash, 'hex')) ? key : null;
}
//# sourceMappingURL=api-key-ring.js.map