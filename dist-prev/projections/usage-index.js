/**
 * Every usage record ever: identifier → record, its series, and whether it was cancelled. The ledger looks identifiers up
 * here, lists are made from it, and cells are counted again from it.
 *
 * A record is in it once. A second `UsageRecorded` of a known record cannot happen; if it does, it is reported and not
 * folded.
 */
import { dimensionValues } from '../domain/meter-event.js';
import { partitionOf } from '../event-store/streams.js';
import { BLOCK_RECORDS, usageBlocks, usageRecords, usageSeries, usageStreams, } from '../read-model/tables.js';
import { ProjectionStopped } from './projection.js';
import { FoldedMeters } from './usage-changes.js';
import { SeriesNumbers } from './usage-series-numbers.js';
export class UsageIndexProjection {
    report;
    changes;
    projection = 'usage-index';
    schema = 4;
    tables = [usageSeries, usageRecords, usageBlocks, usageStreams];
    meters = new FoldedMeters();
    series = new SeriesNumbers();
    constructor(report, changes) {
        this.report = report;
        this.changes = changes;
    }
    async apply(events, rows) {
        const { recorded, cancelled, revisions } = await this.usageOf(events, rows);
        if (revisions.size === 0)
            return this.changes.set(events, []);
        const changes = await this.insert(recorded, rows);
        changes.push(...(await this.cancel(cancelled, rows)));
        // Cells look at changes in the order of the log.
        if (cancelled.length > 0)
            changes.sort((left, right) => left.sequence - right.sequence);
        await rows.put(usageBlocks, blocksOf(changes));
        await rows.put(usageStreams, Array.from(revisions, ([stream, revision]) => ({ stream, revision })));
        this.changes.set(events, changes);
    }
    forget() {
        this.meters.forget();
        this.series.forget();
    }
    async usageOf(events, rows) {
        const meterIds = new Set();
        for (const { event } of events) {
            if (event.type === 'UsageRecorded' || event.type === 'UsageCancelled')
                meterIds.add(event.data.meterId);
        }
        const meters = await this.meters.ofIds(meterIds, rows);
        const recorded = [];
        const cancelled = [];
        const revisions = new Map();
        for (const projected of events) {
            const { event } = projected;
            if (event.type !== 'UsageRecorded' && event.type !== 'UsageCancelled')
                continue;
            const meter = meters.get(event.data.meterId);
            if (!meter)
                throw stopped(projected, 'Usage was recorded on a meter that was never created.');
            if (event.type === 'UsageRecorded')
                recorded.push({ projected, record: event.data, meter });
            else
                cancelled.push({ projected, record: event.data, meter });
            revisions.set(projected.stream, projected.revision);
        }
        return { recorded, cancelled, revisions };
    }
    async insert(recorded, rows) {
        const series = await this.series.of(recorded.map(combinationOf), rows);
        const records = recorded.map(({ projected, record, meter }, index) => recordRow(projected, record, meter.number, series[index]));
        const inserted = await rows.insertNew(usageRecords, records);
        const changes = [];
        for (const [index, row] of records.entries()) {
            if (inserted[index])
                changes.push({ type: 'recorded', sequence: row.sequence, row });
            else
                this.report(anomaly(recorded[index].projected, 'A usage record was recorded a second time.'));
        }
        return changes;
    }
    async cancel(cancelled, rows) {
        const found = await rows.get(usageRecords, cancelled.map(({ record, meter }) => [meter.number, record.identifier]), 'identifier');
        const changes = [];
        const seen = new Set();
        for (const [index, { projected, record }] of cancelled.entries()) {
            const row = found[index];
            if (!row)
                throw stopped(projected, 'A usage record was cancelled that was never recorded.');
            if (row.cancelledAt !== null || seen.has(row.sequence)) {
                this.report(anomaly(projected, 'A usage record was cancelled a second time.'));
                continue;
            }
            seen.add(row.sequence);
            const { sequence, revision } = projected;
            const changed = {
                ...row,
                cancelledAt: record.cancelledAt,
                cancelledSequence: sequence,
                cancelledRevision: revision,
            };
            changes.push({ type: 'cancelled', sequence, row: changed });
        }
        await rows.put(usageRecords, changes.map(({ row }) => row));
        return changes;
    }
}
function combinationOf({ record, meter }) {
    const dimensions = meter.dimensionKeys.length === 0 ? '[]' : JSON.stringify(dimensionValues(meter, record));
    return { meter: meter.number, customer: record.customer, dimensions };
}
function blocksOf(changes) {
    const blocks = new Map();
    for (const { type, row } of changes) {
        if (type !== 'recorded')
            continue;
        const block = Math.floor(row.sequence / BLOCK_RECORDS);
        blocks.set(`${row.meter} ${block}`, { meter: row.meter, block });
    }
    return [...blocks.values()];
}
function recordRow({ sequence, stream, revision }, { identifier, value, occurredAt, recordedAt, payload }, meter, series) {
    const text = JSON.stringify(payload);
    return {
        sequence,
        meter,
        identifier,
        series,
        value,
        occurredAt,
        recordedAt,
        payload: text === '{}' ? null : text,
        partition: partitionOf(stream),
        revision,
        cancelledAt: null,
        cancelledSequence: null,
        cancelledRevision: null,
    };
}
function stopped(projected, message) {
    return new ProjectionStopped(anomaly(projected, message).message);
}
function anomaly({ stream, revision }, message) {
    return { message: `${message} Stream ${stream}, revision ${revision}.`, stream, revision };
}
//# sourceMappingURL=usage-index.js.map