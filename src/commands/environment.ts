/** What commands may not make up themselves: the time and fresh ids. Tests give fixed ones. */
import { randomFillSync, randomUUID } from 'node:crypto'

export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number
}

/** For lengths of time: a clock may be set back, and whoever waits for time to pass would wait for that, too. */
export interface Stopwatch {
  /** Milliseconds since a moment that stays the same; never goes back. */
  elapsedMs(): number
}

export interface Ids {
  uuid(): string
  /** Letters and digits, unguessable. */
  random(length: number): string
}

/** Dependency-injection tokens. */
export const CLOCK = Symbol('Clock')
export const IDS = Symbol('Ids')

export const systemClock: Clock = { now: () => Date.now() }
export const systemStopwatch: Stopwatch = { elapsedMs: () => performance.now() }

const ALPHABET = '0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz'
/** Bytes from here on would make some letters likelier than others. */
const FAIR_BYTES = 256 - (256 % ALPHABET.length)

/** Random bytes are fetched many at a time, because fetching costs more than using them. Each is used once. */
const pool = Buffer.alloc(4096)
let used = pool.length

function randomByte(): number {
  if (used === pool.length) {
    randomFillSync(pool)
    used = 0
  }
  const byte = pool[used] as number
  // A key that was made of them is not left in memory.
  pool[used++] = 0
  return byte
}

export const randomIds: Ids = {
  uuid: () => randomUUID(),
  random: (length) => {
    let text = ''
    while (text.length < length) {
      const byte = randomByte()
      if (byte < FAIR_BYTES) text += ALPHABET.charAt(byte % ALPHABET.length)
    }
    return text
  },
}
