/**
 * Partitions are written side by side, so two records that are sent together may swap places in the log. Where their order
 * decides a number the later one waits for the earlier: within one call, or one file, what comes later was recorded later.
 * Where the earlier one could not be stored the later is not either: both are sent again, in their order.
 */
import { DomainError } from '../domain/errors.js'
import { formulas } from '../domain/aggregation.js'
import type { Meter } from '../domain/meter-catalogue.js'
import { bucketStart } from '../domain/time-bucket.js'
import type { UsageRecord } from '../domain/usage-record.js'

export class RecordingOrder {
  /** What is under way, by what a later record may have to wait for. */
  private readonly underWay = new Map<string, Promise<unknown>>()

  /** To be called in the order that is to be kept. @throws also why an earlier one could not be stored. */
  submit<Result>(meter: Meter, record: UsageRecord, submit: () => Promise<Result>): Promise<Result> {
    if (!isOrderSensitive(meter)) return submit()
    const keys = orderKeys(meter, record)
    const earlier = keys.map((key) => this.underWay.get(key)).filter((each) => each !== undefined)
    const result = earlier.length === 0 ? submit() : stored(earlier).then(submit)
    for (const key of keys) {
      this.underWay.set(key, result)
      const leave = (): void => {
        if (this.underWay.get(key) === result) this.underWay.delete(key)
      }
      result.then(leave, leave)
    }
    return result
  }
}

/** All of them are settled: stored, or refused by the rules. */
async function stored(earlier: readonly Promise<unknown>[]): Promise<void> {
  for (const outcome of await Promise.allSettled(earlier)) {
    if (outcome.status === 'rejected' && !(outcome.reason instanceof DomainError)) throw outcome.reason
  }
}

/**
 * The same for records that are all there at once: waves, each to be sent when the one before it has settled. Mostly one.
 */
export function recordingWaves<Each extends { readonly meter: Meter; readonly record: UsageRecord }>(
  all: readonly Each[],
): Each[][] {
  const waves: Each[][] = [[]]
  const waveOf = new Map<string, number>()
  for (const each of all) {
    if (!isOrderSensitive(each.meter)) {
      waves[0]?.push(each)
      continue
    }
    const keys = orderKeys(each.meter, each.record)
    const wave = Math.max(...keys.map((key) => (waveOf.get(key) ?? -1) + 1))
    for (const key of keys) waveOf.set(key, wave)
    waves[wave] ??= []
    waves[wave].push(each)
  }
  return waves
}

function isOrderSensitive({ formula, eventTimeWindow }: Meter): boolean {
  return !formulas[formula].isOrderFree || eventTimeWindow !== null
}

/**
 * What may not overtake: of a window the record recorded last counts, and among equal timestamps the last value is the one
 * recorded last. The identifier is among them, so that of two bodies the first one is the one that counts.
 */
function orderKeys({ eventTimeWindow }: Meter, { meterId, identifier, customer, occurredAt }: UsageRecord): string[] {
  const time = eventTimeWindow === null ? occurredAt : bucketStart(eventTimeWindow, occurredAt)
  return [`time ${meterId} ${time} ${customer}`, `identifier ${meterId} ${identifier}`]
}
