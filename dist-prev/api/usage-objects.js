/** Usage of a meter and of a customer, as answers show it. Values are exact, as a number and as text. */
import { isLive } from '../domain/ledger.js';
import { bucketMs } from '../domain/time-bucket.js';
import { meterObject } from './meter-object.js';
import { ExactNumber } from './stripe/exact-json.js';
import { toUnixSeconds } from './stripe/unix-time.js';
export function meterUsageObject(ledger, { customer, start, end, window, filters }, { meter, total, customers, groups, windows }, position) {
    return {
        object: 'meterbook.meter_usage',
        ...sumObject(total),
        customer,
        customers,
        dimension_filters: filters,
        end_time: toUnixSeconds(end),
        groups: groups.map(groupObject),
        livemode: isLive(ledger),
        meter: meter.id,
        position,
        start_time: toUnixSeconds(start),
        value_grouping_window: window,
        windows: windows.map((each) => ({
            ...sumObject(each),
            end_time: toUnixSeconds(each.start + bucketMs[window]),
            groups: each.groups.map(groupObject),
            start_time: toUnixSeconds(each.start),
        })),
    };
}
export function usageByCustomerObject(ledger, { meterId, start, end, filters, order }, { items, hasMore, total }, position) {
    return {
        object: 'list',
        data: items.map(({ customer, ...sum }) => ({
            object: 'meterbook.customer_usage',
            ...sumObject(sum),
            customer,
        })),
        dimension_filters: filters,
        end_time: toUnixSeconds(end),
        has_more: hasMore,
        livemode: isLive(ledger),
        meter: meterId,
        order,
        position,
        start_time: toUnixSeconds(start),
        total: total && { ...sumObject(total), customers: total.customers },
        url: `/meterbook/v1/meters/${meterId}/customers`,
    };
}
export function customerUsageObject(ledger, { customer, start, end }, meters, position) {
    return {
        object: 'meterbook.usage_of_customer',
        customer,
        end_time: toUnixSeconds(end),
        livemode: isLive(ledger),
        meters: meters.map(({ meter, groups, hasMoreGroups, ...sum }) => ({
            ...sumObject(sum),
            groups: groups.map(groupObject),
            has_more_groups: hasMoreGroups,
            meter: meterObject(ledger, meter),
        })),
        position,
        start_time: toUnixSeconds(start),
    };
}
function groupObject({ dimensions, ...sum }) {
    return { ...sumObject(sum), dimensions };
}
function sumObject({ value, records }) {
    return { aggregated_value: new ExactNumber(value), aggregated_value_decimal: value, records };
}
//# sourceMappingURL=usage-objects.js.map