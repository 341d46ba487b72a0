/** What `npm run soak` is told: `[--minutes N] [--events-per-second N] [--json FILE]` */
import { parseArgs } from 'node:util'

export interface SoakSettings {
  readonly minutes: number
  /** Of the stream, duplicates among them. */
  readonly eventsPerSecond: number
  /** null: only the lines for people are printed. */
  readonly json: string | null
}

/** @throws Error that says what is wrong. */
export function readSoakSettings(): SoakSettings {
  const { values } = parseArgs({
    options: {
      minutes: { type: 'string', default: '10' },
      'events-per-second': { type: 'string', default: '2000' },
      json: { type: 'string' },
    },
  })
  const minutes = Number(values.minutes)
  if (!(minutes > 0 && minutes <= 7 * 24 * 60)) throw new Error('--minutes takes a number above 0, at most a week.')
  const eventsPerSecond = Number(values['events-per-second'])
  if (!Number.isInteger(eventsPerSecond) || eventsPerSecond < 100 || eventsPerSecond > 1_000_000) {
    throw new Error('--events-per-second takes a whole number from 100 to 1000000.')
  }
  return { minutes, eventsPerSecond, json: values.json ?? null }
}
