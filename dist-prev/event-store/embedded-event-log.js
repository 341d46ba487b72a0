/**
 * The file of the embedded store: one append-only table of events in one SQLite database.
 *
 * `position` is the global order, `(stream, revision)` is unique, and triggers refuse to change or delete a row, so that
 * not even a mistake in this program can edit history.
 */
import Database from 'better-sqlite3';
import { randomUUID } from 'node:crypto';
import { EventStoreCorrupt, SUBSCRIPTION_PAGE_BYTES, categoryOf, } from './event-store.js';
/** How long a statement waits for another process that is writing. */
const BUSY_TIMEOUT_MS = 5_000;
const FORMAT = 1;
const SCHEMA = `
  CREATE TABLE IF NOT EXISTS streams (
    stream_id INTEGER PRIMARY KEY,
    name TEXT NOT NULL UNIQUE
  ) STRICT;
  CREATE TABLE IF NOT EXISTS events (
    position INTEGER PRIMARY KEY,
    stream_id INTEGER NOT NULL REFERENCES streams (stream_id),
    revision INTEGER NOT NULL,
    id TEXT NOT NULL,
    type TEXT NOT NULL,
    data TEXT NOT NULL,
    metadata TEXT NOT NULL,
    UNIQUE (stream_id, revision)
  ) STRICT;
  CREATE TRIGGER IF NOT EXISTS events_are_never_changed BEFORE UPDATE ON events
    BEGIN SELECT RAISE(ABORT, 'events are never changed'); END;
  CREATE TRIGGER IF NOT EXISTS events_are_never_deleted BEFORE DELETE ON events
    BEGIN SELECT RAISE(ABORT, 'events are never deleted'); END;
  CREATE TRIGGER IF NOT EXISTS streams_are_never_changed BEFORE UPDATE ON streams
    BEGIN SELECT RAISE(ABORT, 'streams are never changed'); END;
  CREATE TRIGGER IF NOT EXISTS streams_are_never_deleted BEFORE DELETE ON streams
    BEGIN SELECT RAISE(ABORT, 'streams are never deleted'); END;
`;
/** Opens the file, making it if need be. Every commit is flushed to the disk before it is answered. */
export function openEventLog(file) {
    const log = new Database(file, { timeout: BUSY_TIMEOUT_MS });
    try {
        log.pragma('journal_mode = WAL');
        log.pragma('synchronous = FULL');
        const format = log.pragma('user_version', { simple: true });
        if (format === 0) {
            log
                .transaction(() => {
                log.exec(SCHEMA);
                log.pragma(`user_version = ${FORMAT}`);
            })
                .immediate();
        }
        else if (format !== FORMAT) {
            throw new EventStoreCorrupt(`${file} has format ${String(format)}; this version reads format ${FORMAT}.`);
        }
        return log;
    }
    catch (error) {
        log.close();
        throw error;
    }
}
/** What another connection committed since the last call changes this number. */
export function dataVersion(log) {
    return log.pragma('data_version', { simple: true });
}
/** Rows of one statement: the first time, at most, and of large ones as many as have this size. */
const ROWS_PER_READ_FIRST = 250;
const ROWS_PER_READ_MAX = 1_000;
const BYTES_PER_READ = 2 * 1024 * 1024;
/**
 * Stands between the values of a column. No event can have it in its text, so none that is not JSON by itself is taken for
 * one together with its neighbours.
 */
const SEPARATOR = randomUUID();
/** Reads pages of the log on a connection of its own; statements are prepared once. */
export class EventLogReader {
    log;
    selectAll;
    selectAllInColumns;
    selectStream;
    selectStreamId;
    selectStreamName;
    streams = new Map();
    /** The last metadata read, as text and parsed. */
    metadataText = null;
    metadata;
    rowsPerRead = ROWS_PER_READ_FIRST;
    constructor(file) {
        this.log = openEventLog(file);
        this.log.pragma('query_only = ON');
        const columns = 'position, stream_id, revision, id, type, data, metadata';
        this.selectAll = this.log
            .prepare(`SELECT ${columns} FROM events WHERE position > ? ORDER BY position LIMIT ?`)
            .raw(true);
        const joined = (column) => `group_concat(${column}, '${SEPARATOR}')`;
        this.selectAllInColumns = this.log
            .prepare(`SELECT group_concat(position), group_concat(stream_id), group_concat(revision), ${joined('id')}, ${joined('type')},
           group_concat(data, ',"${SEPARATOR}",'), ${joined('metadata')}
         FROM (SELECT ${columns} FROM events WHERE position > ? ORDER BY position LIMIT ?)`)
            .raw(true);
        this.selectStream = this.log
            .prepare(`SELECT ${columns} FROM events WHERE stream_id = ? AND revision > ? ORDER BY revision LIMIT ?`)
            .raw(true);
        this.selectStreamId = this.log.prepare('SELECT stream_id FROM streams WHERE name = ?');
        this.selectStreamName = this.log.prepare('SELECT name FROM streams WHERE stream_id = ?');
    }
    /**
     * The events of the categories among the next `limit` of the log, or fewer where those are large. `scannedTo` is where to
     * go on; null at the end.
     */
    pageOfAll(after, categories, limit) {
        const events = [];
        let scannedTo = null;
        let bytes = 0;
        for (let left = limit; left > 0 && bytes < SUBSCRIPTION_PAGE_BYTES;) {
            const wanted = Math.min(left, this.rowsPerRead);
            const read = this.read(scannedTo ?? after, wanted, categories);
            for (const event of read.events)
                events.push(event);
            if (read.rows > 0) {
                scannedTo = read.scannedTo;
                bytes += read.bytes;
                const rowsOfSize = Math.floor((BYTES_PER_READ * read.rows) / Math.max(read.bytes, 1));
                this.rowsPerRead = Math.max(1, Math.min(rowsOfSize, ROWS_PER_READ_MAX));
            }
            if (read.rows < wanted)
                break;
            left -= wanted;
        }
        return { events, scannedTo };
    }
    /** The next rows, at most `limit`. Taking the values of each over one by one costs half as much again. */
    read(after, limit, categories) {
        const columns = this.selectAllInColumns.get(after, limit);
        if (columns[0] === null)
            return { events: [], rows: 0, scannedTo: after, bytes: 0 };
        const inColumns = this.takeApart(columns, categories);
        if (inColumns)
            return inColumns;
        // One of them is not what an event must be: read by itself it can be named, if anybody wants it.
        const rows = this.selectAll.all(after, limit);
        const wanted = rows.filter(([, streamId]) => categories.has(this.stream(streamId).category));
        return {
            events: wanted.map((row) => this.recordedEvent(this.stream(row[1]).name, row)),
            rows: rows.length,
            scannedTo: rows.at(-1)?.[0] ?? after,
            bytes: rows.reduce((bytes, [, , , , , data, metadata]) => bytes + data.length + metadata.length, 0),
        };
    }
    /** null where the columns do not come apart into events. @throws EventStoreCorrupt */
    takeApart([positions, streamIds, revisions, ids, types, data, metadata], categories) {
        const positionOf = positions.split(',');
        const rows = positionOf.length;
        const idOf = ids.split(SEPARATOR);
        const typeOf = types.split(SEPARATOR);
        const metadataOf = metadata.split(SEPARATOR);
        const dataOf = parsed(`[${data}]`);
        if ([idOf, typeOf, metadataOf].some(({ length }) => length !== rows) || dataOf?.length !== 2 * rows - 1)
            return null;
        const streamIdOf = JSON.parse(`[${streamIds}]`);
        const revisionOf = JSON.parse(`[${revisions}]`);
        const events = [];
        // Events of one append stand together: they are of one stream, and mostly of one type.
        let streamId = null;
        let stream = '';
        let isWanted = false;
        let type = '';
        for (let at = 0; at < rows; at++) {
            if (at > 0 && dataOf[2 * at - 1] !== SEPARATOR)
                return null;
            if (streamIdOf[at] !== streamId) {
                streamId = streamIdOf[at];
                const { name, category } = this.stream(streamId);
                stream = name;
                isWanted = categories.has(category);
            }
            if (!isWanted)
                continue;
            if (typeOf[at] !== type)
                type = typeOf[at];
            const known = this.metadataOf(metadataOf[at]);
            if (known === undefined)
                return null;
            events.push({
                stream,
                revision: revisionOf[at],
                position: positionOf[at],
                id: idOf[at],
                type,
                data: dataOf[2 * at],
                metadata: known,
            });
        }
        return { events, rows, scannedTo: Number(positionOf.at(-1)), bytes: data.length + metadata.length };
    }
    /** Events of one request have the same metadata, and stand together. undefined where it is not JSON. */
    metadataOf(text) {
        if (text !== this.metadataText) {
            this.metadata = parsed(text);
            this.metadataText = text;
        }
        return this.metadata;
    }
    pageOfStream(stream, after, limit) {
        const id = this.selectStreamId.get(stream)?.stream_id;
        if (id === undefined)
            return [];
        return this.selectStream.all(id, after, limit).map((row) => this.recordedEvent(stream, row));
    }
    /** Changes whenever another connection committed. */
    version() {
        return dataVersion(this.log);
    }
    close() {
        this.log.close();
    }
    stream(id) {
        let stream = this.streams.get(id);
        if (!stream) {
            const name = this.selectStreamName.get(id)?.name;
            if (name === undefined)
                throw new EventStoreCorrupt(`Stream ${id} has events but no name.`);
            stream = { name, category: categoryOf(name) };
            this.streams.set(id, stream);
        }
        return stream;
    }
    recordedEvent(stream, [position, , revision, id, type, data, metadata]) {
        const [known, parsedData] = [this.metadataOf(metadata), parsed(data)];
        if (known === undefined || parsedData === undefined) {
            throw new EventStoreCorrupt(`Event ${revision} of stream ${stream} (position ${position}) is not JSON.`);
        }
        return { stream, revision, position: String(position), id, type, data: parsedData, metadata: known };
    }
}
/** undefined where it is not JSON. */
function parsed(text) {
    try {
        return JSON.parse(text);
    }
    catch {
        return undefined;
    }
}
//# sourceMappingURL=embedded-event-log.js.map