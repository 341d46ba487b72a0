/** Parameters of a preview: those of creating a meter, and what to try it on. */
import { EVENT_NAME_LENGTH_MAX } from '../domain/meter-catalogue.js'
import { CUSTOMER_LENGTH_MAX, IDENTIFIER_LENGTH_MAX } from '../domain/meter-event.js'
import { SAMPLE_EVENTS_MAX } from '../queries/preview-meter.js'
import { CreateMeterParameters, METER_ID_LENGTH_MAX } from './meters.parameters.js'
import { Choice, Hash, HashList, IntegerText, StringMap, Text } from './stripe/parameter-decorators.js'
import { UNIX_SECONDS_MAX } from './stripe/unix-time.js'

export class SampleEventParameters {
  @StringMap({ description: 'As it would be sent.' })
  payload!: Record<string, string>

  @Text({ optional: true, lengthMax: IDENTIFIER_LENGTH_MAX, description: 'Counts once. Made if left out.' })
  identifier?: string

  @IntegerText({
    optional: true,
    min: -UNIX_SECONDS_MAX,
    max: UNIX_SECONDS_MAX,
    description: 'Unix seconds; now if left out.',
  })
  timestamp?: number
}

export class PreviewedHistoryParameters {
  @IntegerText({ min: 0, max: UNIX_SECONDS_MAX, description: 'Unix seconds, on a full minute; inclusive.' })
  start_time!: number

  @IntegerText({ min: 0, max: UNIX_SECONDS_MAX, description: 'Unix seconds, on a full minute; exclusive.' })
  end_time!: number

  @Text({
    optional: true,
    lengthMax: EVENT_NAME_LENGTH_MAX,
    description: 'Whose events; the one of the meter if left out.',
  })
  event_name?: string

  @Text({ optional: true, lengthMax: CUSTOMER_LENGTH_MAX, description: 'Only this customer; all if left out.' })
  customer?: string
}

export class PreviewMeterParameters extends CreateMeterParameters {
  @HashList(() => SampleEventParameters, {
    optional: true,
    lengthMax: SAMPLE_EVENTS_MAX,
    description: 'Events to try it on, in the order of their receipt.',
  })
  sample_events?: SampleEventParameters[]

  @Hash(() => PreviewedHistoryParameters, { optional: true, description: 'Events that were recorded, to try it on.' })
  history?: PreviewedHistoryParameters

  @Text({ optional: true, lengthMax: METER_ID_LENGTH_MAX, description: 'Id of a meter to compare with.' })
  compare_to?: string

  @Choice(['hour', 'day'], { optional: true, description: 'Usage by UTC hour or day beside the total.' })
  value_grouping_window?: string
}
