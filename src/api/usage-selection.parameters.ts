/** Which usage records a proof is about. */
import { CUSTOMER_LENGTH_MAX } from '../domain/meter-event.js'
import { METER_ID_LENGTH_MAX } from './meters.parameters.js'
import { Hash, Text, V1Parameters } from './stripe/parameter-decorators.js'
import { TimeFilterParameters } from './time-filter.js'

export class UsageSelectionParameters extends V1Parameters {
  @Text({ optional: true, lengthMax: METER_ID_LENGTH_MAX, description: 'Id of the meter; of all meters by default.' })
  meter?: string

  @Text({ optional: true, lengthMax: CUSTOMER_LENGTH_MAX, description: 'Only this customer; all if left out.' })
  customer?: string

  @Hash(() => TimeFilterParameters, { optional: true, description: 'When it happened.' })
  timestamp?: TimeFilterParameters
}
