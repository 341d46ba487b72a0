import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ApiKeyRing, UNKNOWN_KEY_READ_INTERVAL_MS } from '../../src/commands/api-key-ring.js'
import { issueApiKey } from '../../src/commands/issue-api-key.js'
import { randomIds, systemClock } from '../../src/commands/environment.js'
import { EmbeddedEventStore } from '../../src/event-store/embedded-event-store.js'
import type { ReadStreamOptions, RecordedEvent } from '../../src/event-store/event-store.js'
import { KEYS_STREAM } from '../../src/event-store/streams.js'

/** The real store, which also counts how often the keys are read. */
class CountingStore extends EmbeddedEventStore {
  readings = 0

  override readStream(stream: string, options?: ReadStreamOptions): AsyncIterable<readonly RecordedEvent[]> {
    if (stream === KEYS_STREAM) this.readings++
    return super.readStream(stream, options)
  }
}

let folder: string
let store: CountingStore
let elsewhere: EmbeddedEventStore
let ring: ApiKeyRing
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'meterbook-'))
  store = new CountingStore(join(folder, 'events.db'))
  elsewhere = new EmbeddedEventStore(join(folder, 'events.db'))
  ring = new ApiKeyRing(store, randomUUID)
})
afterEach(async () => {
  await store.close()
  await elsewhere.close()
  rmSync(folder, { recursive: true })
})

const context = { requestId: 'req_control', actor: 'system', idempotency: null }

async function issue(on: ApiKeyRing): Promise<string> {
  const request = { account: 'default', mode: 'test', role: 'secret', name: 'control' } as const
  return (await issueApiKey(on, request, { clock: systemClock, ids: randomIds }, context)).key
}

/** As another process would, and without telling the ring. */
function issueElsewhere(): Promise<string> {
  return issue(new ApiKeyRing(elsewhere, randomUUID))
}

describe('The key ring', () => {
  it('does not read the log again for a key it knows', async () => {
    const key = await issue(ring)
    await ring.find(key)
    const { readings } = store
    for (let request = 0; request < 100; request++) expect(await ring.find(key)).not.toBeNull()
    expect(store.readings).toBe(readings)
  })

  it('finds a key at once that another process issued before it was presented, also in a flood of unknown ones', async () => {
    await ring.find('sk_test_unknown')
    const flood = Array.from({ length: 1000 }, () => ring.find(`sk_test_${randomUUID()}`))
    const key = await issueElsewhere()
    expect(await ring.find(key)).toMatchObject({ lastFour: key.slice(-4) })
    expect((await Promise.all(flood)).every((found) => found === null)).toBe(true)
  })

  it('reads the log at most once an interval, however many unknown keys are presented', async () => {
    const key = await issue(ring)
    await ring.find(key)
    const { readings } = store
    const began = performance.now()
    for (let wave = 0; wave < 5; wave++) {
      await Promise.all(Array.from({ length: 2000 }, () => ring.find(`sk_test_${randomUUID()}`)))
    }
    const intervals = Math.ceil((performance.now() - began) / UNKNOWN_KEY_READ_INTERVAL_MS)
    expect(store.readings - readings).toBeGreaterThan(0)
    expect(store.readings - readings).toBeLessThanOrEqual(Math.min(5, intervals + 1))
  })

  it('refuses a revoked key as soon as it is told that keys changed', async () => {
    const key = await issue(ring)
    const found = await ring.find(key)
    const other = new ApiKeyRing(elsewhere, randomUUID)
    await other.stream.transact({ type: 'RevokeApiKey', keyId: found?.keyId ?? '', at: 1 }, context)
    ring.changed([KEYS_STREAM])
    expect(await ring.find(key)).toBeNull()
  })
})
