/**
 * The API keys of the installation, folded from the `keys` stream and remembered. A key is found by the hash of what a
 * client presented; the comparison takes the same time whatever was presented.
 */
import { createHash, timingSafeEqual } from 'node:crypto'
import * as ApiKeys from '../domain/api-keys.js'
import type { EventStore } from '../event-store/event-store.js'
import { KEYS_STREAM } from '../event-store/streams.js'
import { FoldedStream } from '../event-store/transact.js'

export class ApiKeyRing {
  readonly stream: FoldedStream<ApiKeys.State, ApiKeys.Command, ApiKeys.Event>
  /** Active keys by hash. Rebuilt when the stream changed. */
  private byHash: ReadonlyMap<string, ApiKeys.ApiKey> = new Map()
  private from: ApiKeys.State | null = null
  private isFresh = false

  constructor(store: EventStore, newEventId: () => string) {
    this.stream = new FoldedStream(store, KEYS_STREAM, ApiKeys, newEventId)
  }

  changed(streams: readonly string[]): void {
    if (streams.includes(KEYS_STREAM)) this.isFresh = false
  }

  /** The active key a client presented; null for any other text. */
  async find(presented: string): Promise<ApiKeys.ApiKey | null> {
    const hash = hashOfKey(presented)
    // A key another process issued a moment ago is not known yet, so the stream is asked before a key is refused.
    return match(await this.active(), hash) ?? match(await this.active(true), hash)
  }

  /** The active key with this id; null for any other text. */
  async findById(keyId: string): Promise<ApiKeys.ApiKey | null> {
    await this.active()
    if (!this.stream.remembered.keys.has(keyId)) await this.active(true)
    const key = this.stream.remembered.keys.get(keyId)
    return key && key.revokedAt === null ? key : null
  }

  private async active(evenIfFresh = false): Promise<ReadonlyMap<string, ApiKeys.ApiKey>> {
    if (!this.isFresh || evenIfFresh) {
      this.isFresh = true
      try {
        await this.stream.read()
      } catch (error) {
        this.isFresh = false
        throw error
      }
    }
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
