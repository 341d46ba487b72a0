/**
 * What one listener is told, as server-sent events: which topics changed, not how. Changes that come close together are
 * told as one; none is lost, and a listener who does not read costs no more memory than one message.
 */
import { Readable } from 'node:stream';
import { topics as allTopics } from '../queries/ledger-changes.js';
/** From one message to the next. */
export const MESSAGE_INTERVAL_MS = 500;
/** Proxies close a connection on which nothing comes for long. */
export const HEARTBEAT_INTERVAL_MS = 15_000;
/** After which a browser that lost the connection tries again. */
const RECONNECT_MS = 2_000;
export class LiveConnection {
    options;
    /** The body of the answer; it is closed by whichever side ends first. */
    body = new Readable({ read: () => undefined });
    pending = new Set();
    heartbeat;
    next = null;
    sentAt = -Infinity;
    isOver = false;
    constructor(options) {
        this.options = options;
        this.heartbeat = setInterval(() => this.beat(), options.heartbeatMs ?? HEARTBEAT_INTERVAL_MS);
        this.body.on('close', () => this.stop());
        this.body.push(`retry: ${RECONNECT_MS}\n\n`);
        // What changed between the listener's last look and this moment is covered by looking at everything once more.
        this.changed(new Set(allTopics));
    }
    changed(topics) {
        for (const topic of topics)
            this.pending.add(topic);
        if (this.next !== null || this.isOver)
            return;
        const passedMs = performance.now() - this.sentAt;
        this.next = setTimeout(() => void this.send(), Math.max(0, MESSAGE_INTERVAL_MS - passedMs));
    }
    keysChanged() {
        void this.mayGoOn();
    }
    /** After what was said so far. */
    end() {
        if (this.isOver)
            return;
        this.stop();
        this.body.push(null);
    }
    /** Whether the listener has not taken what it was sent. */
    get isBehind() {
        return this.body.readableLength > 0;
    }
    async send() {
        const mayGoOn = await this.mayGoOn();
        this.next = null;
        if (!mayGoOn)
            return;
        this.sentAt = performance.now();
        if (this.isBehind)
            return this.changed(new Set());
        const data = { topics: [...this.pending], position: this.options.position() };
        this.pending.clear();
        this.body.push(`event: changed\ndata: ${JSON.stringify(data)}\n\n`);
    }
    /** A listener who has not read for so long is dropped; it finds out what it missed when it comes again. */
    beat() {
        if (this.isBehind)
            this.body.destroy();
        else
            void this.mayGoOn().then((mayGoOn) => mayGoOn && this.body.push(': still here\n\n'));
    }
    async mayGoOn() {
        // Where it cannot be told, whoever may will come again.
        const mayGoOn = !this.isOver && (await this.options.mayGoOn().catch(() => false));
        if (!mayGoOn)
            this.end();
        return mayGoOn && !this.isOver;
    }
    stop() {
        this.isOver = true;
        clearInterval(this.heartbeat);
        if (this.next)
            clearTimeout(this.next);
    }
}
//# sourceMappingURL=live-connection.js.map