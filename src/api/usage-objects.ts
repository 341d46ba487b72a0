/** Usage of a meter and of a customer, as answers show it. Values are exact, as a number and as text. */
import { isLive, type LedgerName } from '../domain/ledger.js'
import type { CustomerUsageRequest, UsageOnMeter } from '../queries/get-customer-usage.js'
import type { GroupSum, MeterUsage as UsageOfMeter, MeterUsageRequest, UsageSum } from '../queries/get-meter-usage.js'
import {
  customerOrders,
  type UsageByCustomer as FoundUsage,
  type UsageByCustomerRequest,
} from '../queries/get-usage-by-customer.js'
import { bucketMs } from '../domain/time-bucket.js'
import { aggregatedValue, dimensionFilters, interval, livemode, position as positionField } from './answer-fields.js'
import { BillingMeter, meterObject } from './meter-object.js'
import {
  choice,
  flag,
  integer,
  listOf,
  mapOf,
  namedObject,
  nullable,
  object,
  only,
  text,
  type TypeOf,
  type TypeOfFields,
} from './stripe/answer-schemas.js'
import { ExactNumber } from './stripe/exact-json.js'
import { toUnixSeconds } from './stripe/unix-time.js'

const sum = { ...aggregatedValue, records: integer('Records that count.') }

const UsageGroup = namedObject('UsageGroup', {
  ...sum,
  dimensions: nullable(mapOf(text(), 'Values of the group-by keys; null: all groups that are not named.')),
})
type UsageGroup = TypeOf<typeof UsageGroup>

export const MeterUsage = namedObject('MeterUsage', {
  object: only('meterbook.meter_usage'),
  ...sum,
  customer: nullable(text('Whose usage; null: of all customers.')),
  customers: integer('Who have records in the interval.'),
  dimension_filters: dimensionFilters,
  groups: listOf(UsageGroup, 'Highest first.'),
  livemode,
  meter: text('Id of the meter.'),
  position: positionField,
  ...interval,
  value_grouping_window: choice(['hour', 'day']),
  windows: listOf(
    object({ ...sum, ...interval, groups: listOf(UsageGroup, 'Those that have records.') }),
    'Those that have records, in time order.',
  ),
})
export type MeterUsage = TypeOf<typeof MeterUsage>

export const UsageByCustomer = namedObject('UsageByCustomer', {
  object: only('list'),
  data: listOf(
    namedObject('CustomerUsage', { object: only('meterbook.customer_usage'), ...sum, customer: text() }),
    'Customers who have records in the interval.',
  ),
  dimension_filters: dimensionFilters,
  has_more: flag('Whether there is another page: `starting_after` the last customer.'),
  livemode,
  meter: text('Id of the meter.'),
  order: choice(customerOrders),
  position: positionField,
  ...interval,
  total: nullable(
    object(
      { ...sum, customers: integer() },
      'Of all customers, also of those not searched for; null in the order of names.',
    ),
  ),
  url: text('Path of the list.'),
})
export type UsageByCustomer = TypeOf<typeof UsageByCustomer>

export const UsageOfCustomer = namedObject('UsageOfCustomer', {
  object: only('meterbook.usage_of_customer'),
  customer: text(),
  livemode,
  meters: listOf(
    object({
      ...sum,
      groups: listOf(UsageGroup, 'By all dimensions together, highest first.'),
      has_more_groups: flag('There are more groups than these.'),
      meter: BillingMeter,
    }),
    'Meters on which the customer has records in the interval.',
  ),
  position: positionField,
  ...interval,
})
export type UsageOfCustomer = TypeOf<typeof UsageOfCustomer>

export function meterUsageObject(
  ledger: LedgerName,
  { customer, start, end, window, filters }: MeterUsageRequest,
  { meter, total, customers, groups, windows }: UsageOfMeter,
  position: string | null,
): MeterUsage {
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
  }
}

export function usageByCustomerObject(
  ledger: LedgerName,
  { meterId, start, end, filters, order }: UsageByCustomerRequest,
  { items, hasMore, total }: FoundUsage,
  position: string | null,
): UsageByCustomer {
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
  }
}

export function customerUsageObject(
  ledger: LedgerName,
  { customer, start, end }: CustomerUsageRequest,
  meters: readonly UsageOnMeter[],
  position: string | null,
): UsageOfCustomer {
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
  }
}

function groupObject({ dimensions, ...sum }: GroupSum): UsageGroup {
  return { ...sumObject(sum), dimensions }
}

function sumObject({ value, records }: UsageSum): TypeOfFields<typeof sum> {
  return { aggregated_value: new ExactNumber(value), aggregated_value_decimal: value, records }
}
