/**
 * The API keys of the installation, folded from the `keys` stream and remembered. A key is found by the hash of what a
 * client presented; the comparison takes the same time whatever was presented.
 *
 * Before a key is refused the stream is asked once more, since another process may have issued it a moment ago. Requests
 * with unknown keys share that reading: however many there are, they cause one at a time and at most one each interval.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import * as ApiKeys from '../domain/api-keys.js'
import type { EventStore } from '../event-store/event-store.js'
import { KEYS_STREAM } from '../event-store/streams.js'
import { FoldedStream } from '../event-store/transact.js'

/** From one reading on behalf of unknown keys to the next. It is also the longest such a request waits for its refusal. */
export const UNKNOWN_KEY_READ_INTERVAL_MS = 100

export class ApiKeyRing {
  readonly stream: FoldedStream<ApiKeys.State, ApiKeys.Command, ApiKeys.Event>
  /** Active keys by hash. Rebuilt when the stream changed. */
  private byHash: ReadonlyMap<string, ApiKeys.ApiKey> = new Map()
  private from: ApiKeys.State | null = null
  private changes = 0
  /** The number of changes that what is remembered reflects at least. */
  private reflected = -1
  /** Under way; whoever finds the ring stale waits for it. */
  private reading: Promise<void> | null = null
  /** Not begun yet; whoever presents an unknown key until then waits for it. */
  private nextReading: Promise<void> | null = null
  private lastReadingAt = -Infinity

  /** `settleWithinMs`: as of a `FoldedStream`. */
  constructor(store: EventStore, newEventId: () => string, settleWithinMs?: number) {
    this.stream = new FoldedStream(store, KEYS_STREAM, ApiKeys, newEventId, settleWithinMs)
  }

  changed(streams: readonly string[]): void {
    if (streams.includes(KEYS_STREAM)) this.changes++
  }

  /** The active key a client presented; null for any other text. */
  async find(presented: string): Promise<ApiKeys.ApiKey | null> {
    const hash = hashOfKey(presented)
    if (this.reflected < this.changes) await this.read()
    const known = match(this.active(), hash)
    if (known) return known
    await (this.nextReading ??= this.readSoon())
    return match(this.active(), hash)
  }

  /** The active key with this id; null for any other text. */
  async findById(keyId: string): Promise<ApiKeys.ApiKey | null> {
    if (this.reflected < this.changes) await this.read()
    // As in `find`: another process may have issued it a moment ago.
    if (!this.stream.remembered.keys.has(keyId)) await (this.nextReading ??= this.readSoon())
    const key = this.stream.remembered.keys.get(keyId)
    return key && key.revokedAt === null ? key : null
  }

  private read(): Promise<void> {
    this.reading ??= this.readNow().finally(() => (this.reading = null))
    return this.reading
  }

  private async readNow(): Promise<void> {
    const { changes } = this
    await this.stream.read()
    this.reflected = Math.max(this.reflected, changes)
  }

  /** A reading that begins after everyone who waits for it has asked, so that it sees every key issued before they did. */
  private async readSoon(): Promise<void> {
    await delay(Math.max(0, this.lastReadingAt + UNKNOWN_KEY_READ_INTERVAL_MS - performance.now()))
    while (this.reading) await this.reading.catch(() => undefined)
    this.nextReading = null
    this.lastReadingAt = performance.now()
    await this.read()
  }

  private active(): ReadonlyMap<string, ApiKeys.ApiKey> {
    const state = this.stream.remembered
    if (state !== this.from) {
      this.from = state
      const active = [...state.keys.values()].filter(({ revokedAt }) => revokedAt === null)
      this.byHash = new Map(active.map((key) => [key.hash, key]))
    }
    return this.byHash
  }
}

export function hashOfKey(key: string): string {
  return createHash('sha256').update(key).digest('hex')
}

function match(keys: ReadonlyMap<string, ApiKeys.ApiKey>, hash: string): ApiKeys.ApiKey | null {
  const key = keys.get(hash)
  return key && timingSafeEqual(Buffer.from(key.hash, 'hex'), Buffer.from(hash, 'hex')) ? key : null
}
