/** Events as they were read, with their places among all usage events, and where the log has been folded to after them. */
import { decodeEvent } from '../event-store/codec.js';
import { categoryOf } from '../event-store/event-store.js';
import { categories } from '../event-store/streams.js';
/** `onEvent` is told of each event before it is decoded. @throws EventStoreCorrupt naming stream and revision. */
export function projectedBatch(recorded, from, onEvent = () => undefined) {
    let { sequence } = from;
    const events = recorded.map((event) => {
        onEvent(event);
        const { stream, revision, position, metadata } = event;
        if (categoryOf(stream) === categories.usage)
            sequence++;
        return { stream, revision, position, sequence, metadata, event: decodeEvent(event) };
    });
    const last = recorded.at(-1);
    if (!last)
        return { events, reached: from };
    return { events, reached: { position: last.position, sequence, event: `${last.revision} ${last.id} ${last.stream}` } };
}
//# sourceMappingURL=projected-batch.js.map