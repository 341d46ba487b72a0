/**
 * The usage of all customers of a meter, customer by customer: what a question about the whole meter adds up, so that it is
 * the sum of what each customer's summary says.
 *
 * Only cells are read, a slice at a time, and other requests are let in between; what would read too many is refused.
 */
import { setImmediate as nextTurn } from 'node:timers/promises';
import { DomainError } from '../domain/errors.js';
import { usageSeries } from '../read-model/tables.js';
/** Cells that one question may read: about the customers, times their dimension combinations, times the windows asked for. */
export const CELLS_READ_MAX = 1_000_000;
/** Cells read before other requests are let in. */
const CELLS_PER_TURN = 2_000;
const SERIES_PER_READ = 256;
/** Behind every combination of dimension values, which are JSON arrays. */
const LAST_DIMENSIONS = '~';
/** In order of their names, by code point. */
export async function* customersOf(rows, meterNumber, { customer, after = null, isWanted = () => true }, grouping) {
    let current = [];
    for await (const row of seriesOf(rows, customer === null ? [meterNumber] : [meterNumber, customer], after)) {
        const [first] = current;
        if (first && first.customer !== row.customer) {
            yield { customer: first.customer, groups: grouping.group(current) };
            current = [];
        }
        if (isWanted(row.customer) && grouping.isWanted(row))
            current.push(row);
    }
    const [first] = current;
    if (first)
        yield { customer: first.customer, groups: grouping.group(current) };
}
async function* seriesOf(rows, prefix, afterCustomer) {
    let after = afterCustomer === null ? null : [afterCustomer, LAST_DIMENSIONS];
    for (;;) {
        const page = await rows.range(usageSeries, {
            index: 'combination',
            prefix,
            limit: SERIES_PER_READ,
            ...(after === null ? {} : { after }),
        });
        yield* page;
        const last = page.at(-1);
        if (!last || page.length < SERIES_PER_READ)
            return;
        after = prefix.length === 1 ? [last.customer, last.dimensions] : [last.dimensions];
        await nextTurn();
    }
}
/**
 * To be called after each customer: lets other requests in between, ends the work for nobody.
 *
 * @throws DomainError once too much was read, and what `signal` was aborted with.
 */
export function readingLimit(usage, signal, cellsReadMax = CELLS_READ_MAX) {
    let atLastTurn = usage.cellsRead;
    return async () => {
        if (usage.cellsRead > cellsReadMax) {
            throw new DomainError('parameter_invalid', `This adds up more than ${cellsReadMax} parts of usage. Choose a shorter time, or ask for one customer.`, 'end_time');
        }
        if (usage.cellsRead - atLastTurn < CELLS_PER_TURN)
            return;
        atLastTurn = usage.cellsRead;
        await nextTurn();
        signal.throwIfAborted();
    };
}
//# sourceMappingURL=usage-of-customers.js.map