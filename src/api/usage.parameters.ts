/** Usage of a meter by window and by customer, and of a customer by meter. */
import { CUSTOMER_LENGTH_MAX } from '../domain/meter-event.js'
import { customerOrders } from '../queries/get-usage-by-customer.js'
import { AsOfOnlyParameters } from './as-of.parameters.js'
import { Choice, IntegerText, StringList, StringMap, Text } from './stripe/parameter-decorators.js'
import { UNIX_SECONDS_MAX } from './stripe/unix-time.js'

/** Customers of one page: a list of them is scrolled through, not read page by page. */
export const PAGE_CUSTOMERS_MAX = 1_000
const PAGE_CUSTOMERS_DEFAULT = 100

class IntervalParameters extends AsOfOnlyParameters {
  @IntegerText({ min: 0, max: UNIX_SECONDS_MAX, description: 'Unix seconds, on a full minute; inclusive.' })
  start_time!: number

  @IntegerText({ min: 0, max: UNIX_SECONDS_MAX, description: 'Unix seconds, on a full minute; exclusive.' })
  end_time!: number
}

export class MeterUsageParameters extends IntervalParameters {
  @Choice(['hour', 'day'], { description: 'One entry for each UTC hour or day that has usage.' })
  value_grouping_window!: string

  @Text({ optional: true, lengthMax: CUSTOMER_LENGTH_MAX, description: 'Whose usage; of all customers by default.' })
  customer?: string

  @StringMap({ optional: true, description: 'Dimension → the value it must have.' })
  dimension_filters?: Record<string, string>

  @StringList({ optional: true, description: 'Dimensions to split each window by.' })
  dimension_group_by_keys?: string[]
}

export class UsageByCustomerParameters extends IntervalParameters {
  @Choice(customerOrders, { optional: true, description: 'Highest value first, the default of JSON, or by name.' })
  order?: string

  @IntegerText({
    min: 1,
    max: PAGE_CUSTOMERS_MAX,
    default: PAGE_CUSTOMERS_DEFAULT,
    optional: true,
    description: 'Customers of a page.',
  })
  limit: number = PAGE_CUSTOMERS_DEFAULT

  @Text({ optional: true, lengthMax: CUSTOMER_LENGTH_MAX, description: 'Customer after whom the page begins.' })
  starting_after?: string

  @Text({ optional: true, lengthMax: CUSTOMER_LENGTH_MAX, description: "Part of the customers' names, in any case." })
  search?: string

  @StringMap({ optional: true, description: 'Dimension → the value it must have.' })
  dimension_filters?: Record<string, string>

  @Choice(['json', 'csv'], { optional: true, description: 'csv: all customers, by name, as a file.' })
  format?: string

  @Choice(['true', 'false'], {
    optional: true,
    description: 'Whether a CSV begins with the mark by which Excel knows UTF-8.',
  })
  byte_order_mark?: string
}

export class CustomerUsageParameters extends IntervalParameters {}

export class NamedCustomerUsageParameters extends CustomerUsageParameters {
  @Text({ lengthMax: CUSTOMER_LENGTH_MAX, description: 'Whose usage.' })
  customer!: string
}
