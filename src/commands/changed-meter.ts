/** The answer of every command on a meter: the meter as the command left it, and the event it caused, if it did. */
import type * as MeterCatalogue from '../domain/meter-catalogue.js'
import type { ReadYourWrites } from '../event-store/read-your-writes.js'
import type { Appended, Transaction } from '../event-store/transact.js'

export interface ChangedMeter {
  readonly meter: MeterCatalogue.Meter
  readonly appended: Appended | null
  /** Hash of the earlier request whose answer this is; null for a first request. */
  readonly replayOf: string | null
}

/** An idempotency key is that of an earlier request, which was about another meter. */
export class KeyOfOtherMeter extends Error {
  override readonly name = 'KeyOfOtherMeter'
}

/** @throws KeyOfOtherMeter where it did not exist when the earlier request with the same key was answered. */
export function changedMeter(
  { state, appended, replayOf }: Transaction<MeterCatalogue.State, MeterCatalogue.Event>,
  meterId: string,
  readYourWrites: ReadYourWrites,
): ChangedMeter {
  const meter = state.meters.get(meterId)
  if (!meter && replayOf !== null) throw new KeyOfOtherMeter(`Meter ${meterId} did not exist then.`)
  if (!meter) throw new Error(`Meter ${meterId} is not in the state its own command left.`)
  if (appended) readYourWrites.acknowledgeMeter(appended.position)
  return { meter, appended, replayOf }
}
