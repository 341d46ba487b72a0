/**
 * Where in the log every so manieth usage event stands, and the latest instant of receipt up to it: what a moment of the
 * past is found by. The last usage event has a row too; it goes once another is the last.
 */
import { usageMarks, MARK_EVENTS } from '../read-model/tables.js';
export const usageMarksProjection = {
    projection: 'usage-marks',
    schema: 1,
    tables: [usageMarks],
    async apply(events, rows) {
        const marks = [];
        let last = null;
        let latest = null;
        for (const { event, sequence, stream, revision } of events) {
            if (event.type !== 'UsageRecorded' && event.type !== 'UsageCancelled')
                continue;
            if (latest === null) {
                const [previous] = await rows.range(usageMarks, { reverse: true, limit: 1 });
                latest = previous?.latest ?? Number.MIN_SAFE_INTEGER;
                if (previous && previous.sequence % MARK_EVENTS !== 0)
                    await rows.delete(usageMarks, [[previous.sequence]]);
            }
            const at = event.type === 'UsageRecorded' ? event.data.recordedAt : event.data.cancelledAt;
            latest = Math.max(latest, at);
            last = { sequence, stream, revision, latest };
            if (sequence % MARK_EVENTS === 0)
                marks.push(last);
        }
        if (last !== null && last !== marks.at(-1))
            marks.push(last);
        await rows.put(usageMarks, marks);
    },
};
//# sourceMappingURL=usage-marks.js.map