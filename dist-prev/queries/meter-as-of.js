/** A meter as it stood at a moment of the past: its name and status may have been others, the rest never changes. */
import { DomainError } from '../domain/errors.js';
import { metersStream } from '../event-store/streams.js';
import { toMeter } from '../projections/meters.js';
import { meterChanges } from '../read-model/tables.js';
import { readEvent } from './read-event.js';
/** Changes of a meter read at a time, newest first. */
const CHANGES_PER_READ = 100;
/** `then` null: as it stands. @throws DomainError `resource_missing` where it did not exist yet. */
export async function meterAsOf(rows, store, row, then, param = 'id') {
    if (then === null)
        return toMeter(row);
    let last = null;
    for await (const change of changesBackwards(rows, row.meterId)) {
        if (last === null && !(await hadHappened(store, row.ledger, change, then)))
            continue;
        last ??= change;
        // The newest of these says whether it was active; all before it no longer matter.
        if (change.type !== 'MeterRenamed')
            return asChanged(toMeter(row), last, change);
    }
    throw new DomainError('resource_missing', `No such meter: '${row.meterId}' had not been created then.`, param);
}
function asChanged(meter, last, status) {
    const isInactive = status.type === 'MeterDeactivated';
    return {
        ...meter,
        displayName: last.displayName,
        status: isInactive ? 'inactive' : 'active',
        updatedAt: last.at,
        deactivatedAt: isInactive ? status.at : null,
    };
}
async function* changesBackwards(rows, meterId) {
    let to = Number.MAX_SAFE_INTEGER;
    for (;;) {
        const page = await rows.range(meterChanges, { prefix: [meterId], to, reverse: true, limit: CHANGES_PER_READ });
        yield* page;
        const last = page.at(-1);
        if (!last || page.length < CHANGES_PER_READ)
            return;
        to = last.revision;
    }
}
async function hadHappened(store, ledger, { revision, at }, then) {
    if (then.until === null)
        return at <= then.at;
    const { recorded } = await readEvent(store, { stream: metersStream(ledger), revision });
    return store.comparePositions(recorded.position, then.until) <= 0;
}
//# sourceMappingURL=meter-as-of.js.map