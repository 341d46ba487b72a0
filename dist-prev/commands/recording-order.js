import { bucketStart } from '../domain/time-bucket.js';
export class RecordingOrder {
    /** What is under way, by what a later record may have to wait for. */
    underWay = new Map();
    /** To be called in the order that is to be kept. */
    submit(meter, record, submit) {
        if (!isOrderSensitive(meter))
            return submit();
        const keys = orderKeys(meter, record);
        const earlier = keys.map((key) => this.underWay.get(key)).filter((each) => each !== undefined);
        const result = earlier.length === 0 ? submit() : Promise.allSettled(earlier).then(submit);
        for (const key of keys) {
            this.underWay.set(key, result);
            const leave = () => {
                if (this.underWay.get(key) === result)
                    this.underWay.delete(key);
            };
            result.then(leave, leave);
        }
        return result;
    }
}
/**
 * The same for records that are all there at once: waves, each to be sent when the one before it has settled. Mostly one.
 */
export function recordingWaves(all) {
    const waves = [[]];
    const waveOf = new Map();
    for (const each of all) {
        if (!isOrderSensitive(each.meter)) {
            waves[0]?.push(each);
            continue;
        }
        const keys = orderKeys(each.meter, each.record);
        const wave = Math.max(...keys.map((key) => (waveOf.get(key) ?? -1) + 1));
        for (const key of keys)
            waveOf.set(key, wave);
        waves[wave] ??= [];
        waves[wave].push(each);
    }
    return waves;
}
function isOrderSensitive({ formula, eventTimeWindow }) {
    return formula === 'last' || eventTimeWindow !== null;
}
/**
 * What may not overtake: of a window the record recorded last counts, and among equal timestamps the last value is the one
 * recorded last. The identifier is among them, so that of two bodies the first one is the one that counts.
 */
function orderKeys({ eventTimeWindow }, { meterId, identifier, customer, occurredAt }) {
    const time = eventTimeWindow === null ? occurredAt : bucketStart(eventTimeWindow, occurredAt);
    return [`time ${meterId} ${time} ${customer}`, `identifier ${meterId} ${identifier}`];
}
//# sourceMappingURL=recording-order.js.map