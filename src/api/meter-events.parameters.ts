/** Parameters of meter events and their adjustments, v1 and v2. stripe-metering §2.1, §3.3, §4. */
import { EVENT_NAME_LENGTH_MAX } from '../domain/meter-catalogue.js'
import { IDENTIFIER_LENGTH_MAX } from '../domain/meter-event.js'
import { Choice, Hash, IntegerText, StringMap, Text, Timestamp, V1Parameters } from './stripe/parameter-decorators.js'
import { UNIX_SECONDS_MAX } from './stripe/unix-time.js'

const eventName = { lengthMax: EVENT_NAME_LENGTH_MAX, description: 'Event name of the meter.' }
const payload = {
  description: 'Must hold the customer and, unless the meter counts, the value, under the keys of the meter.',
}
const identifier = {
  optional: true,
  lengthMax: IDENTIFIER_LENGTH_MAX,
  description: 'Counts once per meter, for ever. Made if left out.',
}

export class CreateMeterEventParameters extends V1Parameters {
  @Text(eventName)
  event_name!: string

  @StringMap(payload)
  payload!: Record<string, string>

  @Text(identifier)
  identifier?: string

  @IntegerText({
    optional: true,
    min: -UNIX_SECONDS_MAX,
    max: UNIX_SECONDS_MAX,
    description: 'Unix seconds: at most 35 days back and 5 minutes ahead. The time of receipt if left out.',
  })
  timestamp?: number
}

export class CreateV2MeterEventParameters {
  @Text(eventName)
  event_name!: string

  @StringMap(payload)
  payload!: Record<string, string>

  @Text(identifier)
  identifier?: string

  @Timestamp({
    optional: true,
    description: 'RFC 3339: at most 35 days back and 5 minutes ahead. The time of receipt if left out.',
  })
  timestamp?: number
}

export class CancelParameters {
  @Text({ lengthMax: IDENTIFIER_LENGTH_MAX, description: 'Identifier of the meter event to cancel.' })
  identifier!: string
}

export class CreateMeterEventAdjustmentParameters extends V1Parameters {
  @Text(eventName)
  event_name!: string

  @Choice(['cancel'], { description: 'The only one there is.' })
  type!: string

  @Hash(() => CancelParameters, { description: 'What to cancel.' })
  cancel!: CancelParameters
}

export class CreateV2MeterEventAdjustmentParameters {
  @Hash(() => CancelParameters, { description: 'What to cancel.' })
  cancel!: CancelParameters

  @Text(eventName)
  event_name!: string

  @Choice(['cancel'], { description: 'The only one there is.' })
  type!: string
}
