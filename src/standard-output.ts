/**
 * Where log lines go. That they cannot be written, because their disk is full or nobody reads them any more, is no reason to
 * end, nor to hold up who is answered: the service goes on, and so do they once they can be written.
 */
import { pino, type DestinationStream } from 'pino'

const FILE_DESCRIPTOR = 1
/** What waits to be written; lines beyond it are lost. */
const WAITING_CHARACTERS_MAX = 1024 * 1024
/** How long the end of the process waits for a reader that does not read; a supervisor waits for it. */
const LAST_WRITE_MS = 1_000

export interface StandardOutput extends DestinationStream {
  /** What still waits to be written is tried for a moment longer, so that a reader that does not read keeps no process from ending. */
  endSoon(): void
}

export function standardOutput(): StandardOutput {
  // What is written without the logger, for people. Nobody else listens, and Node ends on what nobody listens to.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)
  let giveUpAt = Infinity
  const endSoon = (): void => {
    giveUpAt = Math.min(giveUpAt, performance.now() + LAST_WRITE_MS)
  }
  // A pipe that is full is tried again.
  const retryEAGAIN = (): boolean => performance.now() < giveUpAt
  const output = pino.destination({ dest: FILE_DESCRIPTOR, maxLength: WAITING_CHARACTERS_MAX, retryEAGAIN })
  let isFailing = false
  output.on('error', () => (isFailing = true))
  output.on('write', () => (isFailing = false))
  // At the end of the process it is tried until it succeeds, which would be never.
  const flush = output.flushSync.bind(output)
  output.flushSync = () => {
    if (isFailing) return
    endSoon()
    try {
      flush()
    } catch {
      // Nobody is left to be told.
    }
  }
  return Object.assign(output, { endSoon })
}
