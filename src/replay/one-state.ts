/**
 * Reading one committed state of the rows from end to end, which may take long. Where the way to them is lost in the middle that
 * state is gone, and what was read of it says nothing of any later one: it is read from the beginning, of one that is there by then.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { ReadModelUnusable, type ReadModel, type RowReader } from '../read-model/read-model.js'

/** States that are begun, each of which may take hours. */
const STATES_MAX = 4
/** How long the next one may be not to be had: longer than a database takes to start. */
const PATIENCE_MS = 30_000
const RETRY_MS = 500

/** `read` is called once more for each further state. @throws what it threw; why the signal was aborted; ReadModelBusy, ReadModelUnusable */
export async function readOneState<Result>(
  live: Pick<ReadModel, 'snapshot'>,
  read: (rows: RowReader) => Promise<Result>,
  signal?: AbortSignal,
): Promise<Result> {
  let states = 0
  let readAt = performance.now()
  for (;;) {
    let isBegun = false
    try {
      return await live.snapshot((rows) => {
        isBegun = true
        return read(rows)
      }, signal)
    } catch (error) {
      if (!(error instanceof ReadModelUnusable && error.isPassing)) throw error
      if (isBegun) {
        states++
        readAt = performance.now()
      }
      if (states === STATES_MAX || performance.now() - readAt > PATIENCE_MS) throw given(error, states)
      await delay(RETRY_MS, undefined, { signal })
    }
  }
}

function given(error: ReadModelUnusable, states: number): ReadModelUnusable {
  if (states === 0) return error
  const times = states === 1 ? 'once' : `${states} times`
  const lost = `The state of the rows that was being read was lost ${times}, and with it what was read of it.`
  return new ReadModelUnusable(`${lost} ${error.message}`, { cause: error.cause }, true)
}
