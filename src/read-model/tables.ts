/**
 * Every table of the read model, by projection. A table is described once; each adapter makes its own SQL from it.
 *
 * Projection names are permanent. A change of shape or meaning is a new schema number of its projection, and its tables are
 * then built anew from the log.
 */

export type ColumnType = 'integer' | 'text'

export interface Index<Row> {
  readonly columns: readonly (keyof Row & string)[]
  readonly unique?: true
  /**
   * Its entries come in random order, and many: an adapter may keep them apart from the rows. All its columns are integers
   * that never change once a row is there, the last one is the table's key, and no row of the table is ever deleted.
   */
  readonly isScattered?: true
  /**
   * Its last column is a text of any length, longer than what an index of some servers can hold: such an index may have less than
   * the text, and keeps order by the columns before it.
   */
  readonly isLong?: true
}

/** How a column of a row is added to: as numbers, as decimals in canonical text, or the lesser or greater of two numbers. */
export type Adding = 'sum' | 'decimal' | 'least' | 'greatest'

export interface Table<Row> {
  readonly name: string
  /** Where only some columns are described, to be read and never written: tells it from the whole table. */
  readonly part?: string
  readonly columns: Readonly<Record<keyof Row & string, ColumnType | 'integer?' | 'text?'>>
  readonly key: readonly (keyof Row & string)[]
  readonly indexes: Readonly<Record<string, Index<Row>>>
  /**
   * Rows may be added to: what happens to each column beyond the key, whose columns are integers. No row of such a table is
   * deleted, and it has no indexes.
   */
  readonly adding?: Readonly<Record<string, Adding>>
}

/** Names a table's columns in code, in the log of a database and in errors. */
export interface ProjectionTables {
  readonly projection: string
  readonly schema: number
  readonly tables: readonly Table<never>[]
}

export interface MeterRow {
  /** 1 for the first meter of the installation; other tables refer to a meter by it. */
  readonly number: number
  readonly ledger: string
  readonly meterId: string
  readonly displayName: string
  readonly eventName: string
  readonly formula: string
  readonly eventTimeWindow: string | null
  readonly valueKey: string
  readonly customerKey: string
  /** JSON array. */
  readonly dimensionKeys: string
  readonly status: string
  /** Instants are milliseconds since the epoch, here and below. */
  readonly createdAt: number
  readonly updatedAt: number
  readonly deactivatedAt: number | null
}

export const meters: Table<MeterRow> = {
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
}

/** One event of a meter, with what it changed. */
export interface MeterChangeRow {
  readonly meterId: string
  /** Of its event in the ledger's meters: the order in which they happened. */
  readonly revision: number
  /** The event's type. */
  readonly type: string
  /** Once it had happened, and before; null before the meter was created. */
  readonly displayName: string
  readonly previousDisplayName: string | null
  readonly at: number
  readonly requestId: string
  /** An API key's id, or `system`. */
  readonly actor: string
}

export const meterChanges: Table<MeterChangeRow> = {
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
}

/** One meter, customer and dimension combination. */
export interface UsageSeriesRow {
  /** In order of first appearance in the log. */
  readonly series: number
  readonly meter: number
  readonly customer: string
  /** JSON array of the values of the meter's dimension keys, in their order. */
  readonly dimensions: string
}

export const usageSeries: Table<UsageSeriesRow> = {
  name: 'usage_series',
  columns: { series: 'integer', meter: 'integer', customer: 'text', dimensions: 'text' },
  key: ['series'],
  indexes: { combination: { columns: ['meter', 'customer', 'dimensions'], unique: true, isLong: true } },
}

/** A series without the values of its dimensions, which may be large. */
export type SeriesOutline = Omit<UsageSeriesRow, 'dimensions'>

export const seriesOutlines: Table<SeriesOutline> = {
  ...usageSeries,
  part: 'outline',
  columns: { series: 'integer', meter: 'integer', customer: 'text' },
} as Table<SeriesOutline>

export interface UsageRecordRow {
  /** Its event's place among all usage events of the log, from 1: the order of recording, the same on every store. */
  readonly sequence: number
  readonly meter: number
  readonly identifier: string
  readonly series: number
  readonly value: string | null
  readonly occurredAt: number
  readonly recordedAt: number
  /** JSON of the payload keys beyond customer and value; null for none. */
  readonly payload: string | null
  /** Where its event stands: partition of the ledger's usage, revision in that stream. */
  readonly partition: number
  readonly revision: number
  readonly cancelledAt: number | null
  readonly cancelledSequence: number | null
  readonly cancelledRevision: number | null
}

export const usageRecords: Table<UsageRecordRow> = {
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
}

/** What there is of a record beside its payload, which may be large: to walk over very many of them. */
export type RecordOutline = Omit<UsageRecordRow, 'payload'>

const { payload: _, ...outlineColumns } = usageRecords.columns

export const recordOutlines: Table<RecordOutline> = {
  ...usageRecords,
  part: 'outline',
  columns: outlineColumns,
} as Table<RecordOutline>

/**
 * Which meters have records in which run of `BLOCK_RECORDS` sequences: enough to walk the records of one meter without an
 * index of them all.
 */
export interface UsageBlockRow {
  readonly meter: number
  /** `sequence` divided by `BLOCK_RECORDS`, rounded down. */
  readonly block: number
}

export const BLOCK_RECORDS = 1024

export const usageBlocks: Table<UsageBlockRow> = {
  name: 'usage_blocks',
  columns: { meter: 'integer', block: 'integer' },
  key: ['meter', 'block'],
  indexes: {},
}

/**
 * A usage event of the log, every `MARK_EVENTS`, and the last one there is: from which instant to begin to look for the last
 * event before an instant or a position.
 */
export interface UsageMarkRow {
  /** Of the event: a multiple of `MARK_EVENTS`, or that of the last usage event. */
  readonly sequence: number
  /** Where the event stands. */
  readonly stream: string
  readonly revision: number
  /** The latest instant at which a usage event up to this one was received. Clocks may differ, so it is not always its own. */
  readonly latest: number
}

export const MARK_EVENTS = 1024

export const usageMarks: Table<UsageMarkRow> = {
  name: 'usage_marks',
  columns: { sequence: 'integer', stream: 'text', revision: 'integer', latest: 'integer' },
  key: ['sequence'],
  indexes: { latest: { columns: ['latest', 'sequence'] } },
}

/** How far each usage stream has been projected: where its writer begins to read. */
export interface UsageStreamRow {
  readonly stream: string
  readonly revision: number
}

export const usageStreams: Table<UsageStreamRow> = {
  name: 'usage_streams',
  columns: { stream: 'text', revision: 'integer' },
  key: ['stream'],
  indexes: {},
}

/** The record that counts in one window of a pre-aggregated meter. */
export interface UsageWindowRow {
  readonly series: number
  readonly start: number
  readonly sequence: number
  readonly occurredAt: number
  readonly value: string | null
}

export const usageWindows: Table<UsageWindowRow> = {
  name: 'usage_windows',
  columns: { series: 'integer', start: 'integer', sequence: 'integer', occurredAt: 'integer', value: 'text?' },
  key: ['series', 'start'],
  indexes: {},
}

/**
 * Aggregate of the effective records of one series in one bucket of time. A bucket that never had any has no row; one whose
 * records were all taken out again keeps its row, so that what it held earlier can still be asked for.
 */
export interface UsageCellRow {
  readonly series: number
  /** Length of the bucket: 60000, 3600000 or 86400000 ms. */
  readonly size: number
  readonly start: number
  /** Effective records in it. */
  readonly records: number
  /** State of the meter's formula, as the formula writes it. */
  readonly state: string
  /** Of the usage events that put a record into it or took one out: the sequence of the first and of the last. */
  readonly firstSequence: number
  readonly changedSequence: number
}

const cellColumns = {
  series: 'integer',
  size: 'integer',
  start: 'integer',
  records: 'integer',
  state: 'text',
  firstSequence: 'integer',
  changedSequence: 'integer',
} as const

/**
 * Cells whose states are decimals that records are added to and taken from in any order: of raw `sum` and
 * `count` meters. Cells of one size stand together, because a whole meter is gone through by one size.
 */
export const usageCells: Table<UsageCellRow> = {
  name: 'usage_cells',
  columns: cellColumns,
  key: ['size', 'series', 'start'],
  indexes: {},
  adding: { records: 'sum', state: 'decimal', firstSequence: 'least', changedSequence: 'greatest' },
}

/** Cells that may have to be counted again from their records: of `last` and of pre-aggregated meters. */
export const usageRecountedCells: Table<UsageCellRow> = {
  name: 'usage_recounted_cells',
  columns: cellColumns,
  key: ['size', 'series', 'start'],
  indexes: {},
}

/** Which event a request with an idempotency key caused. */
export interface IdempotencyKeyRow {
  readonly ledger: string
  readonly idempotencyKey: string
  readonly requestHash: string
  readonly stream: string
  readonly revision: number
  readonly recordedAt: number
}

export const idempotencyKeys: Table<IdempotencyKeyRow> = {
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
}

/** A meter event that asynchronous ingestion refused. */
export interface UsageRejectionRow {
  readonly ledger: string
  /** Of its event in the ledger's rejections: the order in which they were stored. */
  readonly revision: number
  /** The meter that refused it; null where none was found. */
  readonly meterId: string | null
  readonly eventName: string | null
  readonly identifier: string
  readonly code: string
  readonly message: string
  /** JSON, as it was sent. */
  readonly event: string
  /** Its index in its request. */
  readonly place: number
  readonly receivedAt: number
  /** `open` or `resolved`. */
  readonly status: string
  readonly resolvedAt: number | null
  /** Of the event that said so. */
  readonly resolvedRevision: number | null
  /** The meter it counts on since; null while open. */
  readonly resolvedMeterId: string | null
}

export const usageRejections: Table<UsageRejectionRow> = {
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
    resolvedRevision: 'integer?',
    resolvedMeterId: 'text?',
  },
  key: ['ledger', 'revision'],
  indexes: {
    identifier: { columns: ['ledger', 'identifier', 'revision'] },
    meter: { columns: ['ledger', 'meterId', 'revision'] },
    eventName: { columns: ['ledger', 'eventName', 'revision'] },
    status: { columns: ['ledger', 'status', 'revision'] },
  },
}

/** How many events were refused for one reason in one window of their receipt. */
export interface UsageRejectionWindowRow {
  readonly ledger: string
  /** Empty where no meter was found. */
  readonly meterId: string
  /** Length of the window: 10000 or 86400000 ms. */
  readonly size: number
  readonly start: number
  readonly code: string
  /** Refused, and of those resolved since. */
  readonly errors: number
  readonly resolved: number
  /** JSON array of `{error_message, identifier}`, the first ones of a short window; empty for a day. */
  readonly samples: string
}

export const usageRejectionWindows: Table<UsageRejectionWindowRow> = {
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
}

/** Usage events of one meter by when they were received: in one hour, or in one minute. */
export interface MeterActivityRow {
  readonly ledger: string
  /** Where the hour or minute begins. */
  readonly since: number
  readonly meterId: string
  /** Records that were received, and cancellations of whichever record. */
  readonly recorded: number
  readonly cancelled: number
}

const activityColumns = {
  ledger: 'text',
  since: 'integer',
  meterId: 'text',
  recorded: 'integer',
  cancelled: 'integer',
} as const

export const meterActivityHours: Table<MeterActivityRow> = {
  name: 'meter_activity_hours',
  columns: activityColumns,
  key: ['ledger', 'since', 'meterId'],
  indexes: {},
}

/** Only of the hour of the latest receipt and of the one before. */
export const meterActivityMinutes: Table<MeterActivityRow> = {
  name: 'meter_activity_minutes',
  columns: activityColumns,
  key: ['ledger', 'since', 'meterId'],
  indexes: { time: { columns: ['since'] } },
}
