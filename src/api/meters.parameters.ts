/** Parameters of the meter endpoints. stripe-metering §1.3, §1.6, §5.1, §5.2. */
import { formulaNames, type FormulaName } from '../domain/aggregation.js'
import {
  DEFAULT_CUSTOMER_KEY,
  DEFAULT_VALUE_KEY,
  DISPLAY_NAME_LENGTH_MAX,
  EVENT_NAME_LENGTH_MAX,
  PAYLOAD_KEY_LENGTH_MAX,
  type EventTimeWindow,
  type MeterConfiguration,
} from '../domain/meter-catalogue.js'
import { CUSTOMER_LENGTH_MAX } from '../domain/meter-event.js'
import { AsOfListParameters } from './as-of.parameters.js'
import { ListParameters } from './stripe/list.js'
import { Choice, Hash, IntegerText, StringList, StringMap, Text, V1Parameters } from './stripe/parameter-decorators.js'
import { UNIX_SECONDS_MAX } from './stripe/unix-time.js'

/** Longer than any meter id. */
export const METER_ID_LENGTH_MAX = 100

export class DefaultAggregationParameters {
  @Choice(formulaNames, { description: 'sum adds values, count counts events, last takes the latest value.' })
  formula!: string
}

export class CustomerMappingParameters {
  @Text({ lengthMax: PAYLOAD_KEY_LENGTH_MAX, description: 'Payload key that holds the customer.' })
  event_payload_key!: string

  @Choice(['by_id'], { description: 'The only one there is.' })
  type!: string
}

export class ValueSettingsParameters {
  @Text({ lengthMax: PAYLOAD_KEY_LENGTH_MAX, description: 'Payload key that holds the value.' })
  event_payload_key!: string
}

export class CreateMeterParameters extends V1Parameters {
  @Text({ lengthMax: DISPLAY_NAME_LENGTH_MAX, description: "The meter's name, for people." })
  display_name!: string

  @Text({
    lengthMax: EVENT_NAME_LENGTH_MAX,
    description: 'Name of the meter events to count. Serves one active meter.',
  })
  event_name!: string

  @Hash(() => DefaultAggregationParameters, { description: 'How events add up.' })
  default_aggregation!: DefaultAggregationParameters

  @Hash(() => CustomerMappingParameters, { optional: true, description: 'Where an event names its customer.' })
  customer_mapping?: CustomerMappingParameters

  @Choice(['hour', 'day'], {
    optional: true,
    description: 'Counts only the event recorded last in each UTC hour or day. Left out, every event counts.',
  })
  event_time_window?: string

  @Hash(() => ValueSettingsParameters, { optional: true, description: 'Where an event has its value.' })
  value_settings?: ValueSettingsParameters

  @StringList({ optional: true, description: 'Payload keys to filter and group usage by. At most 10.' })
  dimension_payload_keys?: string[]
}

/** What is left out has its default. */
export function configurationOf(parameters: CreateMeterParameters): MeterConfiguration {
  return {
    displayName: parameters.display_name,
    eventName: parameters.event_name,
    formula: parameters.default_aggregation.formula as FormulaName,
    eventTimeWindow: (parameters.event_time_window ?? null) as EventTimeWindow | null,
    valueKey: parameters.value_settings?.event_payload_key ?? DEFAULT_VALUE_KEY,
    customerKey: parameters.customer_mapping?.event_payload_key ?? DEFAULT_CUSTOMER_KEY,
    dimensionKeys: parameters.dimension_payload_keys ?? [],
  }
}

export class UpdateMeterParameters extends V1Parameters {
  @Text({ optional: true, lengthMax: DISPLAY_NAME_LENGTH_MAX, description: 'All that may change about a meter.' })
  display_name?: string
}

export class ListMetersParameters extends ListParameters {
  @Choice(['active', 'inactive'], { optional: true, description: 'Both if left out.' })
  status?: string
}

export class ListEventSummariesParameters extends AsOfListParameters {
  @Text({ lengthMax: CUSTOMER_LENGTH_MAX, description: 'Whose usage.' })
  customer!: string

  @IntegerText({ min: 0, max: UNIX_SECONDS_MAX, description: 'Unix seconds, on a full minute; inclusive.' })
  start_time!: number

  @IntegerText({ min: 0, max: UNIX_SECONDS_MAX, description: 'Unix seconds, on a full minute; exclusive.' })
  end_time!: number

  @Choice(['hour', 'day'], { optional: true, description: 'One summary for each UTC hour or day that has usage.' })
  value_grouping_window?: string

  @StringMap({ optional: true, description: 'Dimension → the value it must have.' })
  dimension_filters?: Record<string, string>

  @StringList({ optional: true, description: 'Dimensions to group by: one summary for each combination.' })
  dimension_group_by_keys?: string[]
}
