import { decodeEvent } from '../event-store/codec.js';
export async function readEvent(store, { stream, revision }) {
    for await (const [recorded] of store.readStream(stream, { after: revision - 1, limit: 1 })) {
        if (recorded)
            return { event: decodeEvent(recorded), recorded };
    }
    throw new Error(`Event ${revision} of ${stream} is in the read model but not in the log.`);
}
//# sourceMappingURL=read-event.js.map