import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { RejectionLog } from '../../src/commands/rejection-log.js'
import type { Event } from '../../src/domain/usage-rejections.js'
import { EmbeddedEventStore } from '../../src/event-store/embedded-event-store.js'
import { EventStoreUnavailable, type EventStore, type Position } from '../../src/event-store/event-store.js'
import { NOW, collect } from '../controls.js'
import { DisturbedStore } from '../event-store/disturbed-store.js'

/** Long enough for a rejection to be sent, and short enough to wait for. */
const SETTLE_WITHIN_MS = 1_000

describe('The log of rejections', () => {
  let folder: string
  let real: EventStore
  let disturbed: DisturbedStore
  let log: RejectionLog

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'meterbook-'))
    real = new EmbeddedEventStore(join(folder, 'events.db'))
    disturbed = new DisturbedStore(real)
    log = new RejectionLog(disturbed.store, randomUUID, SETTLE_WITHIN_MS)
  })
  afterEach(async () => {
    await log.close()
    await real.close()
    rmSync(folder, { recursive: true })
  })

  function reject(identifier: string): Promise<Position> {
    const event: Event = {
      type: 'UsageRejected',
      data: {
        eventName: 'tokens',
        meterId: null,
        identifier,
        code: 'no_meter',
        message: 'No such meter.',
        event: '{}',
        index: 0,
        receivedAt: NOW,
      },
    }
    return log.append('default~test', event, { requestId: 'req_1', actor: 'key_1', idempotency: null })
  }

  it('gives its callers up where the store keeps an append, refuses others at once, and goes on by itself', async () => {
    const release = disturbed.hold('unavailable')
    const sent = reject('sent')
    const waiting = disturbed.sentAtLeast(1).then(() => reject('waiting'))
    await expect(sent).rejects.toThrow('did not confirm in time')
    await expect(waiting).rejects.toBeInstanceOf(EventStoreUnavailable)
    await expect(reject('later')).rejects.toThrow('does not answer just now')
    release()
    let position: Position | null = null
    while (position === null) {
      await new Promise((resolve) => setImmediate(resolve))
      position = await reject('again').catch(() => null)
    }
    const events = await collect(real.readStream('rejections-default~test'))
    expect(events.map(({ data }) => data.identifier)).toEqual(['again'])
  })
})
