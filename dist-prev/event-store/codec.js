import { EventStoreCorrupt, } from './event-store.js';
/** A released step is never edited. The schema number of a type is the number of its steps plus one. */
const steps = {
    LedgerOpened: [],
    MeterCreated: [],
    MeterRenamed: [],
    MeterDeactivated: [],
    MeterReactivated: [],
    UsageRecorded: [],
    UsageCancelled: [],
    UsageRejected: [],
    UsageRejectionResolved: [],
    ApiKeyIssued: [],
    ApiKeyRevoked: [],
};
export function encodeEvent(event, id, metadata) {
    return {
        id,
        type: event.type,
        // Domain events are plain JSON by rule; a round trip is a property test.
        data: event.data,
        metadata: withSchema(metadata, steps[event.type].length + 1),
    };
}
/** The last one, and what was made of it: events of one request stand together and share theirs, and stores write it once. */
let stamped = null;
function withSchema(metadata, schema) {
    if (stamped?.metadata === metadata && stamped.made.schema === schema)
        return stamped.made;
    stamped = { metadata, made: { schema, ...metadata } };
    return stamped.made;
}
/** @throws EventStoreCorrupt naming stream and revision. */
export function decodeEvent({ stream, revision, type, data, metadata }) {
    if (!Object.hasOwn(steps, type)) {
        throw new EventStoreCorrupt(`Event ${revision} of stream ${stream} has the unknown type ${type}.`);
    }
    const lifts = steps[type];
    const { schema } = metadata;
    if (!Number.isInteger(schema) || schema < 1 || schema > lifts.length + 1) {
        throw new EventStoreCorrupt(`Event ${revision} of stream ${stream} (${type}) has the unknown schema ${schema}.`);
    }
    let lifted = data;
    for (const lift of lifts.slice(schema - 1))
        lifted = lift(lifted);
    return { type, data: lifted };
}
//# sourceMappingURL=codec.js.map