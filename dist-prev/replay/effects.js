/** What one usage event did to the number it is about: the minute it falls into, before and after. */
import { formulas } from '../domain/aggregation.js';
import { formatDecimal } from '../domain/decimal.js';
import { bucketMs, bucketStart } from '../domain/time-bucket.js';
import { dimensionValues } from '../domain/meter-event.js';
import { ledgerOf } from '../event-store/streams.js';
import { cellsTable } from '../projections/cell-tables.js';
import { toMeter } from '../projections/meters.js';
import { meters, usageSeries } from '../read-model/tables.js';
import { isSelected } from './row-scope.js';
/** Events whose effect is told; later ones are folded without a word. */
export const EFFECTS_MAX = 10_000;
export class EffectWatcher {
    selection;
    onEffect;
    told = 0;
    value = '';
    constructor(selection, onEffect) {
        this.selection = selection;
        this.onEffect = onEffect;
    }
    isWatched({ event, stream }) {
        if (this.told >= EFFECTS_MAX)
            return false;
        if (event.type !== 'UsageRecorded' && event.type !== 'UsageCancelled')
            return false;
        const { meterId, customer, occurredAt } = event.data;
        const scope = { ledger: ledgerOf(stream), meterId, customer, from: occurredAt, to: occurredAt + 1 };
        return isSelected(scope, this.selection);
    }
    async before(projected, rows) {
        this.value = await minuteValue(projected, rows);
    }
    async after(projected, rows) {
        const { event, stream, revision, position, sequence } = projected;
        if (event.type !== 'UsageRecorded' && event.type !== 'UsageCancelled')
            return;
        const { meterId, identifier, customer, value, occurredAt } = event.data;
        this.told++;
        this.onEffect({
            type: event.type,
            stream,
            revision,
            position,
            sequence,
            meterId,
            identifier,
            customer,
            value,
            occurredAt,
            minute: bucketStart('minute', occurredAt),
            before: this.value,
            after: await minuteValue(projected, rows),
        });
    }
}
async function minuteValue({ event }, rows) {
    if (event.type !== 'UsageRecorded' && event.type !== 'UsageCancelled')
        return '';
    const [meterRow] = await rows.get(meters, [[event.data.meterId]], 'meterId');
    if (!meterRow)
        return ''; // Projecting it stops, and says why.
    const meter = toMeter(meterRow);
    const formula = formulas[meter.formula];
    const dimensions = meter.dimensionKeys.length === 0 ? '[]' : JSON.stringify(dimensionValues(meter, event.data));
    const [series] = await rows.get(usageSeries, [[meterRow.number, event.data.customer, dimensions]], 'combination');
    const start = bucketStart('minute', event.data.occurredAt);
    const [cell] = series ? await rows.get(cellsTable(meter), [[bucketMs.minute, series.series, start]]) : [];
    return formatDecimal(formula.value(cell ? formula.decode(cell.state) : formula.empty));
}
//# sourceMappingURL=effects.js.map