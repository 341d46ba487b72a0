/** What waits to be appended, oldest first: how long it may, and what whoever waits too long is told. Nothing of it was begun. */
import { Overloaded } from '../overloaded.js'

export interface Queued {
  /** By the clock of the process, in milliseconds. */
  readonly since: number
}

export function tooManyWaiting(): Overloaded {
  return new Overloaded('Too many meter events are waiting to be stored. Send the request again in a moment.')
}

/** Takes out those before which so much was done that they waited for `limitMs`. */
export function takeLate<Item extends Queued>(queue: Item[], limitMs: number): Item[] {
  const latest = performance.now() - limitMs
  const inTime = queue.findIndex(({ since }) => since > latest)
  return queue.splice(0, inTime === -1 ? queue.length : inTime)
}
