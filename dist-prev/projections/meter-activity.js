/**
 * How many usage events of each meter were received when: by hour for ever, by minute for the latest two hours, which is
 * what a rolling hour needs. A minute goes once something was received so much later; no clock decides what there is, and
 * neither does where batches are cut.
 */
import { HOUR_MS, MINUTE_MS } from '../domain/time-bucket.js';
import { ledgerOf } from '../event-store/streams.js';
import { meterActivityHours, meterActivityMinutes } from '../read-model/tables.js';
/** Hours before that of the latest receipt of which minutes are kept. */
const MINUTES_KEPT_MS = HOUR_MS;
export class MeterActivityProjection {
    projection = 'meter-activity';
    schema = 1;
    tables = [meterActivityHours, meterActivityMinutes];
    hours = new ActivityBook(meterActivityHours);
    minutes = new ActivityBook(meterActivityMinutes);
    /** The latest minute in which anything was received; null: not looked up yet. */
    latest = null;
    async apply(events, rows) {
        const counts = byMinute(events);
        if (counts.length === 0)
            return;
        const before = this.latest ?? (await latestMinute(rows));
        this.latest = counts.reduce((latest, { since }) => Math.max(latest, since), before);
        const kept = floor(this.latest, HOUR_MS) - MINUTES_KEPT_MS;
        await this.hours.add(byHour(counts), rows);
        await this.minutes.add(counts.filter(({ since }) => since >= kept), rows);
        if (floor(before, HOUR_MS) - MINUTES_KEPT_MS < kept)
            await rows.deleteBelow(meterActivityMinutes, 'since', kept);
    }
    forget() {
        this.latest = null;
        this.hours.forget();
        this.minutes.forget();
    }
}
/** Adds to the rows of one table. Those of the last batch are remembered: the next one is mostly about the same. */
class ActivityBook {
    table;
    known = new Map();
    constructor(table) {
        this.table = table;
    }
    async add(counts, rows) {
        const missing = counts.filter((count) => !this.known.has(nameOf(count)));
        const found = missing.length === 0 ? [] : await rows.get(this.table, missing.map(keyOf));
        for (const row of found)
            if (row)
                this.known.set(nameOf(row), row);
        const added = new Map(counts.map((count) => [nameOf(count), sum(count, this.known.get(nameOf(count)))]));
        await rows.put(this.table, [...added.values()]);
        this.known = added;
    }
    forget() {
        this.known.clear();
    }
}
/** One count for each meter and minute. Runs of events of the same are counted without looking anything up. */
function byMinute(events) {
    const counts = new Map();
    let last = null;
    for (const { event, stream } of events) {
        if (event.type !== 'UsageRecorded' && event.type !== 'UsageCancelled')
            continue;
        const { meterId } = event.data;
        const since = floor(event.type === 'UsageRecorded' ? event.data.recordedAt : event.data.cancelledAt, MINUTE_MS);
        if (last?.since !== since || last.meterId !== meterId) {
            const name = `${meterId} ${since}`;
            const known = counts.get(name) ?? { ledger: ledgerOf(stream), since, meterId, recorded: 0, cancelled: 0 };
            counts.set(name, known);
            last = known;
        }
        if (event.type === 'UsageRecorded')
            last.recorded++;
        else
            last.cancelled++;
    }
    return [...counts.values()];
}
function byHour(counts) {
    const hours = new Map();
    for (const count of counts) {
        const ofHour = { ...count, since: floor(count.since, HOUR_MS) };
        hours.set(nameOf(ofHour), sum(ofHour, hours.get(nameOf(ofHour))));
    }
    return [...hours.values()];
}
function sum(count, before) {
    if (!before)
        return count;
    return { ...count, recorded: before.recorded + count.recorded, cancelled: before.cancelled + count.cancelled };
}
async function latestMinute(rows) {
    const [latest] = await rows.range(meterActivityMinutes, { index: 'time', reverse: true, limit: 1 });
    return latest?.since ?? Number.MIN_SAFE_INTEGER;
}
function nameOf({ since, meterId }) {
    return `${meterId} ${since}`;
}
function keyOf({ ledger, since, meterId }) {
    return [ledger, since, meterId];
}
function floor(instant, ms) {
    return Math.floor(instant / ms) * ms;
}
//# sourceMappingURL=meter-activity.js.map