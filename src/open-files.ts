/** How many files and connections this process may have open at once (`ulimit -n`). */
import { readFileSync } from 'node:fs'

/** With fewer the service cannot be sure to load: Node.js opens hundreds of its modules at once. */
export const OPEN_FILES_MIN = 1024
/**
 * Of those, what it keeps for itself once it runs: databases, connections to stores, threads, audits, and whoever asks for
 * metrics. The rest is for clients.
 */
export const OPEN_FILES_OF_ITS_OWN = 512

/** null where the system does not say. Node.js has raised it as far as it may be by now. */
export function openFilesMax(): number | null {
  let limits: string
  try {
    limits = readFileSync('/proc/self/limits', 'utf8')
  } catch {
    // Only Linux has it.
    return null
  }
  const soft = /^Max open files +(\d+)/m.exec(limits)?.[1]
  return soft === undefined ? null : Number(soft)
}
