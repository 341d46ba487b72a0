/** The series of one customer on one meter, and how they fall into groups by dimension. */
import { DomainError } from '../domain/errors.js';
import { usageRecords, usageSeries } from '../read-model/tables.js';
/** Dimension combinations of one customer on one meter that a summary adds up. */
export const SERIES_MAX = 100_000;
/**
 * In the order of their dimension values. Without group-by keys there is exactly one group, maybe without series.
 *
 * @throws DomainError for a key that is no dimension of the meter.
 */
export async function seriesGroups(rows, meterNumber, meter, customer, request, 
/** Only series that had a record after this usage event; null: all there are. */
sequence = null, 
/** The customer's series that have no row yet. */
unprojected = []) {
    const { isWanted, group } = seriesGrouping(meter, request);
    const found = await rows.range(usageSeries, {
        index: 'combination',
        prefix: [meterNumber, customer],
        limit: SERIES_MAX,
    });
    const begun = [];
    for (const row of [...found, ...unprojected]) {
        if (!isWanted(row))
            continue;
        if (sequence === null || (await hadBegun(rows, row.series, sequence)))
            begun.push(row);
    }
    return group(begun);
}
/** @throws DomainError for a key that is no dimension of the meter. */
export function seriesGrouping(meter, { filters, groupBy }) {
    const filtered = Object.keys(filters).map((key) => dimensionIndex(meter, key, `dimension_filters[${key}]`));
    const grouped = groupBy.map((key) => dimensionIndex(meter, key, 'dimension_group_by_keys'));
    const valuesOf = ({ dimensions }) => JSON.parse(dimensions);
    return {
        isWanted: (row) => {
            if (filtered.length === 0)
                return true;
            const values = valuesOf(row);
            return filtered.every((index) => values[index] === filters[meter.dimensionKeys[index]]);
        },
        group: (rows) => {
            const groups = new Map();
            if (groupBy.length === 0)
                groups.set('[]', { dimensions: null, series: [] });
            for (const row of rows) {
                const values = valuesOf(row);
                const groupValues = grouped.map((index) => values[index] ?? '');
                const key = JSON.stringify(groupValues);
                const group = groups.get(key) ?? { dimensions: named(groupBy, groupValues), series: [] };
                group.series.push(row.series);
                groups.set(key, group);
            }
            return [...groups].sort(([left], [right]) => (left < right ? -1 : 1)).map(([, group]) => group);
        },
    };
}
async function hadBegun(rows, series, sequence) {
    const [first] = await rows.range(usageRecords, { index: 'series', prefix: [series], limit: 1 });
    return first !== undefined && first.sequence <= sequence;
}
function dimensionIndex({ dimensionKeys }, key, param) {
    const index = dimensionKeys.indexOf(key);
    if (index >= 0)
        return index;
    const declared = dimensionKeys.length === 0 ? 'it has none' : `it has ${dimensionKeys.join(', ')}`;
    throw new DomainError('parameter_invalid', `${key} is not a dimension of this meter: ${declared}.`, param);
}
function named(keys, values) {
    const dimensions = Object.create(null);
    keys.forEach((key, index) => (dimensions[key] = values[index] ?? ''));
    return dimensions;
}
//# sourceMappingURL=usage-series-of.js.map