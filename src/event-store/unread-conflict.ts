/**
 * A conflict with events that cannot be read yet: a cluster decides on what is written, and serves only what was replicated
 * and indexed. Whoever read on and found nothing new waits here before the next try, longer each time and not without end.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { EventStoreUnavailable } from './event-store.js'

/** The waits double from the first to the second; together some 5 seconds. */
const WAIT_MS_MIN = 10
const WAIT_MS_MAX = 1_000
const WAITS_MAX = 11

/** `waits`: how often this was waited for before. @throws EventStoreUnavailable after the last one. */
export async function untilReadable(stream: string, waits: number): Promise<void> {
  if (waits >= WAITS_MAX) {
    throw new EventStoreUnavailable(`What another process wrote to ${stream} cannot be read yet.`)
  }
  await delay(Math.min(WAIT_MS_MIN * 2 ** waits, WAIT_MS_MAX))
}
