/**
 * Between the port's events and positions and the client's. Port revisions count events, the client's begin at 0;
 * bigints end here. What cannot be one of our events is corruption, never skipped.
 */
import { NO_STREAM, jsonEvent } from '@eventstore/db-client';
import { EventStoreCorrupt, } from './event-store.js';
export function clientRevision(expectedRevision) {
    return expectedRevision === 0 ? NO_STREAM : BigInt(expectedRevision) - 1n;
}
export function portRevision(revision) {
    return revision === NO_STREAM ? 0 : Number(revision) + 1;
}
export function clientEvent({ id, type, data, metadata }) {
    return jsonEvent({ id, type, data, metadata: { ...metadata } });
}
export function recordedEvent(event) {
    const { streamId: stream, id, type, data, isJson, position } = event;
    const revision = portRevision(event.revision);
    const corrupt = (what) => new EventStoreCorrupt(`Event ${revision} of stream ${stream} ${what}`);
    // The client gives malformed JSON as a string.
    if (!isJson || !isObject(data))
        throw corrupt('holds no JSON object');
    if (!isMetadata(event.metadata))
        throw corrupt('lacks the metadata every event of ours has');
    if (position === undefined)
        throw corrupt('has no position');
    return {
        stream,
        id,
        type,
        revision,
        position: portPosition(position),
        data: data,
        metadata: ownMetadata(event.metadata),
    };
}
function isObject(value) {
    return typeof value === 'object' && value !== null && !Array.isArray(value);
}
function isMetadata(value) {
    return (isObject(value) &&
        typeof value.schema === 'number' &&
        typeof value.correlationId === 'string' &&
        typeof value.causationId === 'string' &&
        typeof value.actor === 'string' &&
        (value.idempotencyKey === undefined || typeof value.idempotencyKey === 'string') &&
        (value.requestHash === undefined || typeof value.requestHash === 'string'));
}
/** Other keys may have been added on the way (`$correlationId`); they are not ours. */
function ownMetadata(metadata) {
    const { schema, correlationId, causationId, actor, idempotencyKey, requestHash } = metadata;
    return {
        schema,
        correlationId,
        causationId,
        actor,
        ...(idempotencyKey === undefined ? {} : { idempotencyKey }),
        ...(requestHash === undefined ? {} : { requestHash }),
    };
}
/** Positions are signed 64-bit numbers on the server, though unsigned on the wire. */
const POSITION_END = 2n ** 63n;
const NUMBER_TEXT = /^(?:0|[1-9][0-9]{0,18})$/;
/** Whether a position is one: an append answered from memory may come without, or with -1 read as unsigned. */
export function isPlace(position) {
    return position !== undefined && position.commit < POSITION_END && position.prepare < POSITION_END;
}
/** The commit position alone where both are equal, as they are for all that is written through gRPC. */
export function portPosition({ commit, prepare }) {
    return (commit === prepare ? `${commit}` : `${commit}/${prepare}`);
}
export function clientPosition(position) {
    const [commit, prepare = commit] = position.split('/');
    return { commit: BigInt(commit), prepare: BigInt(prepare) };
}
export function parsePosition(text) {
    const parts = text.split('/');
    if (parts.length > 2 || !parts.every((part) => NUMBER_TEXT.test(part) && BigInt(part) < POSITION_END))
        return null;
    // Equal halves are written as one: a position has one text.
    return parts[0] === parts[1] ? null : text;
}
export function comparePositions(left, right) {
    if (left === right)
        return 0;
    const [leftCommit = '', leftPrepare = leftCommit] = left.split('/');
    const [rightCommit = '', rightPrepare = rightCommit] = right.split('/');
    return compareNumberTexts(leftCommit, rightCommit) || compareNumberTexts(leftPrepare, rightPrepare);
}
/** Without leading zeros the longer number is the greater one. */
function compareNumberTexts(left, right) {
    if (left.length !== right.length)
        return left.length - right.length;
    return left === right ? 0 : left < right ? -1 : 1;
}
//# sourceMappingURL=eventstoredb-codec.js.map