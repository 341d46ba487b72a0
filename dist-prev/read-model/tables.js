/**
 * Every table of the read model, by projection. A table is described once; each adapter makes its own SQL from it.
 *
 * Projection names are permanent. A change of shape or meaning is a new schema number of its projection, and its tables are
 * then built anew from the log.
 */
export const meters = {
    name: 'meters',
    columns: {
        number: 'integer',
        ledger: 'text',
        meterId: 'text',
        displayName: 'text',
        eventName: 'text',
        formula: 'text',
        eventTimeWindow: 'text?',
        valueKey: 'text',
        customerKey: 'text',
        dimensionKeys: 'text',
        status: 'text',
        createdAt: 'integer',
        updatedAt: 'integer',
        deactivatedAt: 'integer?',
    },
    key: ['number'],
    indexes: {
        meterId: { columns: ['meterId'], unique: true },
        ledger: { columns: ['ledger', 'number'] },
    },
};
export const meterChanges = {
    name: 'meter_changes',
    columns: {
        meterId: 'text',
        revision: 'integer',
        type: 'text',
        displayName: 'text',
        previousDisplayName: 'text?',
        at: 'integer',
        requestId: 'text',
        actor: 'text',
    },
    key: ['meterId', 'revision'],
    indexes: {},
};
export const usageSeries = {
    name: 'usage_series',
    columns: { series: 'integer', meter: 'integer', customer: 'text', dimensions: 'text' },
    key: ['series'],
    indexes: { combination: { columns: ['meter', 'customer', 'dimensions'], unique: true } },
};
export const usageRecords = {
    name: 'usage_records',
    columns: {
        sequence: 'integer',
        meter: 'integer',
        identifier: 'text',
        series: 'integer',
        value: 'text?',
        occurredAt: 'integer',
        recordedAt: 'integer',
        payload: 'text?',
        partition: 'integer',
        revision: 'integer',
        cancelledAt: 'integer?',
        cancelledSequence: 'integer?',
        cancelledRevision: 'integer?',
    },
    key: ['sequence'],
    indexes: {
        identifier: { columns: ['meter', 'identifier'], unique: true },
        series: { columns: ['series', 'sequence'], isScattered: true },
        occurred: { columns: ['series', 'occurredAt', 'sequence'], isScattered: true },
    },
};
export const BLOCK_RECORDS = 1024;
export const usageBlocks = {
    name: 'usage_blocks',
    columns: { meter: 'integer', block: 'integer' },
    key: ['meter', 'block'],
    indexes: {},
};
export const MARK_EVENTS = 1024;
export const usageMarks = {
    name: 'usage_marks',
    columns: { sequence: 'integer', stream: 'text', revision: 'integer', latest: 'integer' },
    key: ['sequence'],
    indexes: { latest: { columns: ['latest', 'sequence'] } },
};
export const usageStreams = {
    name: 'usage_streams',
    columns: { stream: 'text', revision: 'integer' },
    key: ['stream'],
    indexes: {},
};
export const usageWindows = {
    name: 'usage_windows',
    columns: { series: 'integer', start: 'integer', sequence: 'integer', occurredAt: 'integer', value: 'text?' },
    key: ['series', 'start'],
    indexes: {},
};
const cellColumns = {
    series: 'integer',
    size: 'integer',
    start: 'integer',
    records: 'integer',
    state: 'text',
    firstSequence: 'integer',
    changedSequence: 'integer',
};
/**
 * Cells whose states are decimals that records are added to and taken from in any order: of raw `sum` and
 * `count` meters. Cells of one size stand together, because a whole meter is gone through by one size.
 */
export const usageCells = {
    name: 'usage_cells',
    columns: cellColumns,
    key: ['size', 'series', 'start'],
    indexes: {},
    adding: { records: 'sum', state: 'decimal', firstSequence: 'least', changedSequence: 'greatest' },
};
/** Cells that may have to be counted again from their records: of `last` and of pre-aggregated meters. */
export const usageRecountedCells = {
    name: 'usage_recounted_cells',
    columns: cellColumns,
    key: ['size', 'series', 'start'],
    indexes: {},
};
export const idempotencyKeys = {
    name: 'idempotency_keys',
    columns: {
        ledger: 'text',
        idempotencyKey: 'text',
        requestHash: 'text',
        stream: 'text',
        revision: 'integer',
        recordedAt: 'integer',
    },
    key: ['ledger', 'idempotencyKey'],
    indexes: { recorded: { columns: ['recordedAt'] } },
};
export const usageRejections = {
    name: 'usage_rejections',
    columns: {
        ledger: 'text',
        revision: 'integer',
        meterId: 'text?',
        eventName: 'text?',
        identifier: 'text',
        code: 'text',
        message: 'text',
        event: 'text',
        place: 'integer',
        receivedAt: 'integer',
        status: 'text',
        resolvedAt: 'integer?',
        resolvedMeterId: 'text?',
    },
    key: ['ledger', 'revision'],
    indexes: {
        identifier: { columns: ['ledger', 'identifier', 'revision'] },
        meter: { columns: ['ledger', 'meterId', 'revision'] },
        eventName: { columns: ['ledger', 'eventName', 'revision'] },
        status: { columns: ['ledger', 'status', 'revision'] },
    },
};
export const usageRejectionWindows = {
    name: 'usage_rejection_windows',
    columns: {
        ledger: 'text',
        meterId: 'text',
        size: 'integer',
        start: 'integer',
        code: 'text',
        errors: 'integer',
        resolved: 'integer',
        samples: 'text',
    },
    key: ['ledger', 'meterId', 'size', 'start', 'code'],
    indexes: { time: { columns: ['ledger', 'size', 'start', 'meterId', 'code'] } },
};
const activityColumns = {
    ledger: 'text',
    since: 'integer',
    meterId: 'text',
    recorded: 'integer',
    cancelled: 'integer',
};
export const meterActivityHours = {
    name: 'meter_activity_hours',
    columns: activityColumns,
    key: ['ledger', 'since', 'meterId'],
    indexes: {},
};
/** Only of the hour of the latest receipt and of the one before. */
export const meterActivityMinutes = {
    name: 'meter_activity_minutes',
    columns: activityColumns,
    key: ['ledger', 'since', 'meterId'],
    indexes: { time: { columns: ['since'] } },
};
//# sourceMappingURL=tables.js.map