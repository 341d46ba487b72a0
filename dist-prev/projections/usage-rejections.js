import { DAY_MS } from '../domain/time-bucket.js';
import { ledgerOf } from '../event-store/streams.js';
import { usageRejections, usageRejectionWindows, } from '../read-model/tables.js';
import { ProjectionStopped } from './projection.js';
/** Length of the windows of error reports: Stripe's. */
export const REPORT_WINDOW_MS = 10_000;
/** Samples of one code in one report. */
export const REPORT_SAMPLES_MAX = 10;
export const usageRejectionsProjection = {
    projection: 'usage-rejections',
    schema: 1,
    tables: [usageRejections, usageRejectionWindows],
    async apply(events, rows) {
        const book = new RejectionBook(rows);
        for (const projected of events) {
            const { event, stream, revision } = projected;
            if (event.type === 'UsageRejected') {
                const row = rejectionRow(ledgerOf(stream), revision, event.data);
                book.put(row);
                await book.count(row, 'errors');
            }
            else if (event.type === 'UsageRejectionResolved') {
                const row = await book.find(ledgerOf(stream), event.data.rejection);
                if (!row)
                    throw new ProjectionStopped(describe(projected));
                // Two processes may have retried it at the same moment: it counted once, and the first to say so resolved it.
                if (row.status === 'resolved')
                    continue;
                const { at, meterId } = event.data;
                book.put({ ...row, status: 'resolved', resolvedAt: at, resolvedMeterId: meterId });
                await book.count(row, 'resolved');
            }
        }
        await book.save();
    },
};
/** The rows a batch touches, each read and written once. */
class RejectionBook {
    rows;
    rejections = new Map();
    windows = new Map();
    constructor(rows) {
        this.rows = rows;
    }
    put(row) {
        this.rejections.set(`${row.ledger} ${row.revision}`, row);
    }
    async find(ledger, revision) {
        const known = this.rejections.get(`${ledger} ${revision}`);
        return known ?? (await this.rows.get(usageRejections, [[ledger, revision]]))[0];
    }
    async count(rejection, what) {
        for (const size of [REPORT_WINDOW_MS, DAY_MS]) {
            const row = await this.window(rejection, size);
            const samples = what === 'errors' && size === REPORT_WINDOW_MS ? withSample(row.samples, rejection) : row.samples;
            this.windows.set(keyOf(row).join(' '), { ...row, [what]: row[what] + 1, samples });
        }
    }
    async save() {
        await this.rows.put(usageRejections, [...this.rejections.values()]);
        await this.rows.put(usageRejectionWindows, [...this.windows.values()]);
    }
    async window(rejection, size) {
        const { ledger, meterId, receivedAt, code } = rejection;
        const start = Math.floor(receivedAt / size) * size;
        const empty = { ledger, meterId: meterId ?? '', size, start, code, errors: 0, resolved: 0, samples: '[]' };
        const key = keyOf(empty);
        const known = this.windows.get(key.join(' '));
        return known ?? (await this.rows.get(usageRejectionWindows, [key]))[0] ?? empty;
    }
}
function keyOf({ ledger, meterId, size, start, code }) {
    return [ledger, meterId, size, start, code];
}
function withSample(samples, { message, identifier }) {
    const known = JSON.parse(samples);
    if (known.length >= REPORT_SAMPLES_MAX)
        return samples;
    const sample = { error_message: message, identifier };
    return JSON.stringify([...known, sample]);
}
function rejectionRow(ledger, revision, rejected) {
    const { meterId, eventName, identifier, code, message, event, index, receivedAt } = rejected;
    return {
        ledger,
        revision,
        meterId,
        eventName,
        identifier,
        code,
        message,
        event: JSON.stringify(event),
        place: index,
        receivedAt,
        status: 'open',
        resolvedAt: null,
        resolvedMeterId: null,
    };
}
function describe({ stream, revision }) {
    return `Event ${revision} of stream ${stream} resolves a rejection that is not there.`;
}
//# sourceMappingURL=usage-rejections.js.map