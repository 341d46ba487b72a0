/** A moment of the past, on lists that can be asked for as they were then. */
import type { AsOfRequest } from '../queries/as-of.js'
import { CURSOR_LENGTH_MAX, ListParameters } from './stripe/list.js'
import { IntegerText, Text, V1Parameters } from './stripe/parameter-decorators.js'
import { fromUnixSeconds, UNIX_SECONDS_MAX } from './stripe/unix-time.js'

const asOf = IntegerText({
  optional: true,
  min: 0,
  max: UNIX_SECONDS_MAX,
  description: 'Unix seconds: the answer as it was at this instant, with all that had been received by then.',
})
const asOfPosition = Text({
  optional: true,
  lengthMax: CURSOR_LENGTH_MAX,
  exclusiveWith: 'as_of',
  description: 'A position of an earlier answer: the answer as it was there.',
})

export class AsOfListParameters extends ListParameters {
  @asOf as_of?: number
  @asOfPosition as_of_position?: string
}

/** As `AsOfListParameters`, of what is no list or one that is only walked forwards. */
export class AsOfOnlyParameters extends V1Parameters {
  @asOf as_of?: number
  @asOfPosition as_of_position?: string
}

export type AsOfParameters = Pick<AsOfListParameters, 'as_of' | 'as_of_position'>

/** null: as it stands. */
export function asOfRequest({ as_of, as_of_position }: AsOfParameters, now: number): AsOfRequest | null {
  if (as_of !== undefined) return { type: 'instant', at: fromUnixSeconds(as_of), now }
  if (as_of_position !== undefined) return { type: 'position', position: as_of_position }
  return null
}
