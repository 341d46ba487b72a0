/** Parameters of the rejection endpoints. */
import { RETRIES_MAX } from '../commands/retry-rejections.js'
import { EVENT_NAME_LENGTH_MAX } from '../domain/meter-catalogue.js'
import { CUSTOMER_LENGTH_MAX, IDENTIFIER_LENGTH_MAX } from '../domain/meter-event.js'
import { METER_ID_LENGTH_MAX } from './meters.parameters.js'
import { CURSOR_LENGTH_MAX, ListParameters } from './stripe/list.js'
import { Choice, Hash, IntegerText, Text, V1Parameters } from './stripe/parameter-decorators.js'
import { TimeFilterParameters } from './time-filter.js'

const CODE_LENGTH_MAX = 100
const RETRIES_DEFAULT = 100

const meter = { optional: true, lengthMax: METER_ID_LENGTH_MAX, description: 'Id of the meter that refused.' }
const eventName = { optional: true, lengthMax: EVENT_NAME_LENGTH_MAX, description: 'Event name it was sent with.' }
const code = { optional: true, lengthMax: CODE_LENGTH_MAX, description: 'Why it was refused.' }
const identifier = { optional: true, lengthMax: IDENTIFIER_LENGTH_MAX, description: 'Identifier it was sent with.' }
const customer = {
  optional: true,
  lengthMax: CUSTOMER_LENGTH_MAX,
  description:
    'Whom the event names: under the key of the meter that refused it; where none did, of a meter with its event name, or under `stripe_customer_id`.',
}
const created = { optional: true, description: 'When it was received.' }

export class ListRejectionsParameters extends ListParameters {
  @Text(meter)
  meter?: string

  @Text(eventName)
  event_name?: string

  @Text(code)
  code?: string

  @Text(identifier)
  identifier?: string

  @Text(customer)
  customer?: string

  @Choice(['open', 'resolved'], { optional: true, description: 'Both if left out.' })
  status?: string

  @Hash(() => TimeFilterParameters, created)
  created?: TimeFilterParameters
}

export class CountRejectionsParameters extends V1Parameters {
  @Text(meter)
  meter?: string

  @Hash(() => TimeFilterParameters, { optional: true, description: 'When they were received; on full 10 seconds.' })
  created?: TimeFilterParameters
}

export class ListRejectionReportsParameters extends ListParameters {
  @Text(meter)
  meter?: string

  @Hash(() => TimeFilterParameters, { optional: true, description: 'When the window of the report began.' })
  created?: TimeFilterParameters
}

export class RetryRejectionsParameters extends V1Parameters {
  @Text(meter)
  meter?: string

  @Text(eventName)
  event_name?: string

  @Text(code)
  code?: string

  @Text(identifier)
  identifier?: string

  @Text(customer)
  customer?: string

  @Choice(['open'], { optional: true, description: 'Only open ones are retried.' })
  status?: string

  @Hash(() => TimeFilterParameters, created)
  created?: TimeFilterParameters

  @IntegerText({
    optional: true,
    min: 1,
    max: RETRIES_MAX,
    default: RETRIES_DEFAULT,
    description: 'Rejections of one call.',
  })
  limit: number = RETRIES_DEFAULT

  @Text({
    optional: true,
    lengthMax: CURSOR_LENGTH_MAX,
    description: '`last` of the call before: goes on after those that were still refused.',
  })
  starting_after?: string
}
