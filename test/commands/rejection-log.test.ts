import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals'
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { RejectionLog } from '../../src/commands/rejection-log.js'
import type { Event } from '../../src/domain/usage-rejections.js'
import { EmbeddedEventStore } from '../../src/event-store/embedded-event-store.js'
import {
  APPEND_EVENTS_MAX,
  EventStoreUnavailable,
  type EventStore,
  type Position,
} from '../../src/event-store/event-store.js'
import { Overloaded } from '../../src/overloaded.js'
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
    jest.restoreAllMocks()
    await log.close()
    await real.close()
    rmSync(folder, { recursive: true })
  })

  function eventOf(identifier: string, event = '{}'): Event {
    return {
      type: 'UsageRejected',
      data: {
        eventName: 'tokens',
        meterId: null,
        identifier,
        code: 'no_meter',
        message: 'No such meter.',
        event,
        index: 0,
        receivedAt: NOW,
      },
    }
  }

  function reject(identifier: string, event?: string): Promise<Position> {
    return log.append('default~test', eventOf(identifier, event), {
      requestId: 'req_1',
      actor: 'key_1',
      idempotency: null,
    })
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

  const stored = async () =>
    (await collect(real.readStream('rejections-default~test'))).map(({ data }) => data.identifier)

  it('refuses what waited too long behind others though the store answers, and takes it when it comes again', async () => {
    const release = disturbed.hold()
    const first = reject('first')
    await disturbed.sentAtLeast(1)
    const late = reject('late')
    const now = performance.now() + SETTLE_WITHIN_MS
    jest.spyOn(performance, 'now').mockReturnValue(now)
    release()
    await expect(late).rejects.toBeInstanceOf(Overloaded)
    await Promise.all([first, reject('late')])
    expect(await stored()).toEqual(['first', 'late'])
    expect(disturbed.sent).toHaveLength(2)
  })

  it('sends the same again until it knows what became of it, and stores it once', async () => {
    disturbed.disturb('request lost', 'answer lost', 'request lost')
    const position = await reject('once')
    expect(disturbed.sent.length).toBeGreaterThan(2)
    const [first, ...others] = disturbed.sent
    for (const other of others) expect(other).toEqual(first)
    const events = await collect(real.readStream('rejections-default~test'))
    expect(events.map((event) => [event.data.identifier, event.position])).toEqual([['once', position]])
  })

  it('goes behind what another process stored meanwhile', async () => {
    await reject('first')
    const other = new RejectionLog(real, randomUUID, SETTLE_WITHIN_MS)
    await other.append('default~test', eventOf('theirs'), { requestId: 'req_2', actor: 'key_1', idempotency: null })
    await reject('second')
    await other.append('default~test', eventOf('theirs too'), { requestId: 'req_3', actor: 'key_1', idempotency: null })
    expect(await stored()).toEqual(['first', 'theirs', 'second', 'theirs too'])
    await other.close()
  })

  it('keeps the order in which many came, in as few appends as the store takes', async () => {
    const identifiers = Array.from({ length: APPEND_EVENTS_MAX + 200 }, (_, n) => `id-${n}`)
    await Promise.all(identifiers.map((identifier) => reject(identifier)))
    expect(await stored()).toEqual(identifiers)
    expect(disturbed.sent.map(({ events }) => events.length)).toEqual([APPEND_EVENTS_MAX, 200])
  })

  it('puts large ones into appends of their own', async () => {
    const large = JSON.stringify('x'.repeat(300 * 1024))
    await Promise.all([
      reject('a', large),
      reject('b', large),
      reject('c'),
      reject('d', JSON.stringify('é'.repeat(300 * 1024))),
    ])
    expect(await stored()).toEqual(['a', 'b', 'c', 'd'])
    expect(disturbed.sent.map(({ events }) => events.length)).toEqual([1, 2, 1])
  })

  it('says at once what the store refuses, and goes on with the next', async () => {
    disturbed.disturb('rejected', 'unavailable')
    await expect(reject('refused')).rejects.toThrow('Too large.')
    await expect(reject('unavailable')).rejects.toBeInstanceOf(EventStoreUnavailable)
    await reject('next')
    expect(await stored()).toEqual(['next'])
  })
})
