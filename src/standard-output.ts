/**
 * Where log lines go. That they cannot be written, because their disk is full or nobody reads them any more, is no reason to
 * end, nor to hold up who is answered: the service goes on, and so do they once they can be written.
 */
import { pino, type DestinationStream } from 'pino'

const FILE_DESCRIPTOR = 1
/** What waits to be written; lines beyond it are lost. */
const WAITING_CHARACTERS_MAX = 1024 * 1024

export function standardOutput(): DestinationStream {
  // What is written without the logger, for people. Nobody else listens, and Node ends on what nobody listens to.
  for (const stream of [process.stdout, process.stderr]) stream.on('error', () => undefined)
  const output = pino.destination({ dest: FILE_DESCRIPTOR, maxLength: WAITING_CHARACTERS_MAX })
  let isFailing = false
  output.on('error', () => (isFailing = true))
  output.on('write', () => (isFailing = false))
  // At the end of the process it is tried until it succeeds, which would be never.
  const flush = output.flushSync.bind(output)
  output.flushSync = () => {
    if (!isFailing) flush()
  }
  return output
}
