import { usageSeries } from '../read-model/tables.js';
/** Series remembered between batches: about 20 MiB. */
const SERIES_REMEMBERED_MAX = 100_000;
export class SeriesNumbers {
    numbers = new Map();
    /** The highest number given; null until it was looked up. */
    newest = null;
    /** The series of each combination, in their order; new ones get a row. */
    async of(combinations, rows) {
        if (this.numbers.size > SERIES_REMEMBERED_MAX)
            this.numbers.clear();
        const keys = combinations.map(keyOf);
        await this.find(keys, combinations, rows);
        return keys.map((key) => this.numbers.get(key));
    }
    /** What is remembered of a batch that was not committed is wrong. */
    forget() {
        this.numbers.clear();
        this.newest = null;
    }
    async find(keys, combinations, rows) {
        // A map keeps the order of first appearance.
        const unknown = new Map();
        for (const [index, key] of keys.entries()) {
            if (!this.numbers.has(key))
                unknown.set(key, combinations[index]);
        }
        if (unknown.size === 0)
            return;
        const found = await rows.get(usageSeries, Array.from(unknown.values(), ({ meter, customer, dimensions }) => [meter, customer, dimensions]), 'combination');
        let newest = this.newest ?? (await newestIn(rows));
        const added = [];
        for (const [index, [key, combination]] of [...unknown].entries()) {
            const series = found[index]?.series ?? ++newest;
            if (found[index] === undefined)
                added.push({ series, ...combination });
            this.numbers.set(key, series);
        }
        this.newest = newest;
        await rows.put(usageSeries, added);
    }
}
async function newestIn(rows) {
    const [newest] = await rows.range(usageSeries, { reverse: true, limit: 1 });
    return newest?.series ?? 0;
}
/** No two combinations share it: `dimensions` is a JSON array, which ends before the space. */
function keyOf({ meter, customer, dimensions }) {
    return `${meter} ${dimensions} ${customer}`;
}
//# sourceMappingURL=usage-series-numbers.js.map