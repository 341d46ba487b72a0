/** Bounds of an instant in a list, as Stripe's lists take them: `created[gte]=…`. */
import { DomainError } from '../domain/errors.js'
import { IntegerText } from './stripe/parameter-decorators.js'
import { fromUnixSeconds, UNIX_SECONDS_MAX } from './stripe/unix-time.js'

const seconds = { optional: true, min: 0, max: UNIX_SECONDS_MAX }

export class TimeFilterParameters {
  @IntegerText({ ...seconds, description: 'Unix seconds; after.' })
  gt?: number

  @IntegerText({ ...seconds, description: 'Unix seconds; at or after.' })
  gte?: number

  @IntegerText({ ...seconds, description: 'Unix seconds; before.' })
  lt?: number

  @IntegerText({ ...seconds, description: 'Unix seconds; at or before.' })
  lte?: number
}

/** Inclusive where `from`, exclusive where `to`; milliseconds since the epoch; null: none. */
export interface TimeFilter {
  readonly from: number | null
  readonly to: number | null
}

/** The narrowest of the bounds. A second is as long as its milliseconds, so `gt` and `lte` end where the next one begins. */
export function timeFilter(parameters: TimeFilterParameters | undefined): TimeFilter {
  const { gt, gte, lt, lte } = parameters ?? {}
  const from = [gte, gt === undefined ? undefined : gt + 1].filter((bound) => bound !== undefined)
  const to = [lt, lte === undefined ? undefined : lte + 1].filter((bound) => bound !== undefined)
  return {
    from: from.length === 0 ? null : fromUnixSeconds(Math.max(...from)),
    to: to.length === 0 ? null : fromUnixSeconds(Math.min(...to)),
  }
}

/**
 * As `timeFilter`, of what something is proved about. @throws DomainError where no instant is in it: two bounds in the wrong order
 * must not look like no usage. A list that is empty for such bounds, as Stripe's are, proves nothing.
 */
export function provenTimes(parameters: TimeFilterParameters | undefined): TimeFilter {
  const filter = timeFilter(parameters)
  const { from, to } = filter
  if (from === null || to === null || from < to) return filter
  const named = (...bounds: readonly (keyof TimeFilterParameters)[]): string =>
    `timestamp[${bounds.find((bound) => parameters?.[bound] !== undefined)}]`
  const end = named('lt', 'lte')
  throw new DomainError('parameter_invalid', `${end} must be after ${named('gte', 'gt')}.`, end)
}
