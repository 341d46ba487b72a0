import { expect, it } from '@jest/globals'
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as ApiKeys from '../../src/domain/api-keys.js'
import { hashOfKey } from '../../src/commands/api-key-ring.js'
import { EmbeddedEventStore } from '../../src/event-store/embedded-event-store.js'
import type { ReadStreamOptions, RecordedEvent } from '../../src/event-store/event-store.js'
import { KEYS_STREAM } from '../../src/event-store/streams.js'
import { FoldedStream } from '../../src/event-store/transact.js'

/** The real store, whose next reading can be held up on its way to the caller; it ends with what was there when it began. */
class HeldStore extends EmbeddedEventStore {
  hold: Promise<void> | null = null

  override async *readStream(
    stream: string,
    options?: ReadStreamOptions,
  ): AsyncGenerator<readonly RecordedEvent[], void> {
    const hold = this.hold
    this.hold = null
    for await (const page of super.readStream(stream, options)) {
      await hold
      yield page
      if (hold) return
    }
  }
}

it('A reading that was overtaken by another does not bring back what has changed since', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'meterbook-'))
  const store = new HeldStore(join(folder, 'events.db'))
  try {
    const context = { requestId: 'req_control', actor: 'system', idempotency: null }
    const open = () => new FoldedStream(store, KEYS_STREAM, ApiKeys, randomUUID)
    const key: ApiKeys.ApiKey = {
      keyId: 'key_control',
      hash: hashOfKey('sk_test_control'),
      lastFour: 'trol',
      ledger: 'default~test',
      role: 'secret',
      name: 'control',
      issuedAt: 1,
    }
    await open().transact({ type: 'IssueApiKey', key }, context)

    const stream = open()
    let release = (): void => undefined
    store.hold = new Promise((resolve) => (release = resolve))
    const overtaken = stream.read()
    await stream.transact({ type: 'RevokeApiKey', keyId: key.keyId, at: 2 }, context)
    release()
    await overtaken
    expect(stream.remembered.keys.get(key.keyId)?.revokedAt).toBe(2)
  } finally {
    await store.close()
    rmSync(folder, { recursive: true })
  }
})
