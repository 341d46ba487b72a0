import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals'
import { randomUUID } from 'node:crypto'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import * as MeterCatalogue from '../../src/domain/meter-catalogue.js'
import { EmbeddedEventStore } from '../../src/event-store/embedded-event-store.js'
import { EventStoreReplaced, EventStoreUnavailable, type EventStore } from '../../src/event-store/event-store.js'
import {
  FoldedStream,
  RESEND_ATTEMPTS_MAX,
  TRANSACT_ATTEMPTS_MAX,
  TransactionConflict,
  type RequestContext,
} from '../../src/event-store/transact.js'
import { NOW, collect } from '../controls.js'
import { createMeter } from '../domain/examples.js'
import { DisturbedStore } from './disturbed-store.js'

const STREAM = 'meters-default~test'
const context: RequestContext = { requestId: 'req_1', actor: 'key_1', idempotency: null }

function withKey(key: string, requestHash = 'hash'): RequestContext {
  return { ...context, idempotency: { key, requestHash } }
}

function creating(name: string): MeterCatalogue.CreateMeter {
  return { ...createMeter, meterId: `mtr_${name}`, eventName: name }
}

describe('A transaction on a folded stream', () => {
  let folder: string
  let real: EventStore
  let disturbed: DisturbedStore
  let stream: ReturnType<typeof open>

  function open(store: EventStore, settleWithinMs?: number) {
    return new FoldedStream(store, STREAM, MeterCatalogue, randomUUID, settleWithinMs)
  }

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), 'meterbook-'))
    real = new EmbeddedEventStore(join(folder, 'events.db'))
    disturbed = new DisturbedStore(real)
    stream = open(disturbed.store)
  })
  afterEach(async () => {
    jest.useRealTimers()
    await real.close()
    rmSync(folder, { recursive: true })
  })

  const log = () => collect(real.readStream(STREAM))

  it('appends what is decided and answers the state and the place', async () => {
    const { state, events, appended, replayOf } = await stream.transact(creating('a'), context)
    expect([...state.meters.keys()]).toEqual(['mtr_a'])
    expect(events.map(({ type }) => type)).toEqual(['LedgerOpened', 'MeterCreated'])
    const [, last] = await log()
    expect(appended).toEqual({ stream: STREAM, revision: 2, position: last!.position })
    expect(last!.metadata).toEqual({ schema: 1, correlationId: 'req_1', causationId: 'req_1', actor: 'key_1' })
    expect(replayOf).toBeNull()
  })

  it('appends nothing where it is already so', async () => {
    await stream.transact(creating('a'), context)
    expect(await stream.transact(creating('a'), context)).toMatchObject({ events: [], appended: null, replayOf: null })
    expect(disturbed.sent).toHaveLength(1)
  })

  it('that is refused appends nothing, and the next one is not held up', async () => {
    const refused = stream.transact({ ...creating('a'), displayName: '' }, context)
    const next = stream.transact(creating('b'), context)
    await expect(refused).rejects.toMatchObject({ code: 'parameter_invalid_empty' })
    expect((await next).appended).toMatchObject({ revision: 2 })
  })

  it('waits for those before it: commands of one process never conflict', async () => {
    const names = Array.from({ length: 20 }, (_, n) => `m${n}`)
    await Promise.all(names.map((name) => stream.transact(creating(name), context)))
    expect(disturbed.sent).toHaveLength(20)
    expect([...(await stream.read()).meters.keys()]).toEqual(names.map((name) => `mtr_${name}`))
  })

  describe('with a faster writer', () => {
    const other = () => open(real)

    it('decides again on what that one wrote', async () => {
      disturbed.disturb(async () => void (await other().transact(creating('a'), context)))
      const { events, appended } = await stream.transact(creating('b'), context)
      // The ledger is open by now.
      expect(events.map(({ type }) => type)).toEqual(['MeterCreated'])
      expect(appended).toMatchObject({ revision: 3 })
    })

    it('is refused where the rules say so by now', async () => {
      disturbed.disturb(async () => void (await other().transact({ ...creating('a'), eventName: 'b' }, context)))
      await expect(stream.transact(creating('b'), context)).rejects.toMatchObject({ code: 'event_name_taken' })
      expect(await log()).toHaveLength(2)
    })

    it('adds nothing where that one did the same', async () => {
      await stream.transact(creating('a'), context)
      const deactivate = { type: 'DeactivateMeter', meterId: 'mtr_a', at: NOW } as const
      disturbed.disturb(async () => void (await other().transact(deactivate, context)))
      expect(await stream.transact(deactivate, context)).toMatchObject({ events: [], appended: null })
    })

    it('gives up after a limit, and can be tried again', async () => {
      let writes = 0
      const faster = async () => void (await other().transact(creating(`faster${writes++}`), context))
      disturbed.disturb(...Array.from({ length: TRANSACT_ATTEMPTS_MAX }, () => faster))
      await expect(stream.transact(creating('a'), context)).rejects.toBeInstanceOf(TransactionConflict)
      expect(writes).toBe(TRANSACT_ATTEMPTS_MAX)
      expect((await stream.transact(creating('a'), context)).appended).not.toBeNull()
    })
  })

  describe('of a retried request', () => {
    it('answers the state its first one left, whatever came after', async () => {
      await stream.transact(creating('a'), withKey('k-1', 'hash-1'))
      await stream.transact({ type: 'RenameMeter', meterId: 'mtr_a', displayName: 'Renamed', at: NOW }, context)
      for (const process of [stream, open(real)]) {
        const { state, events, appended, replayOf } = await process.transact(creating('b'), withKey('k-1', 'hash-2'))
        expect({ events, appended, replayOf }).toEqual({ events: [], appended: null, replayOf: 'hash-1' })
        expect([...state.meters.values()].map(({ displayName }) => displayName)).toEqual(['Tokens'])
      }
      expect(await log()).toHaveLength(3)
    })

    it('finds the key a faster writer brought meanwhile', async () => {
      disturbed.disturb(async () => void (await open(real).transact(creating('a'), withKey('k-1'))))
      expect(await stream.transact(creating('b'), withKey('k-1'))).toMatchObject({ appended: null, replayOf: 'hash' })
      expect(await log()).toHaveLength(2)
    })

    it('has its key on the event it asked for only', async () => {
      await stream.transact(creating('a'), withKey('k-1'))
      expect((await log()).map(({ metadata }) => metadata.idempotencyKey)).toEqual([undefined, 'k-1'])
    })
  })

  describe('of unknown outcome', () => {
    it.each(['answer lost', 'request lost'] as const)('is sent again unchanged until it is known: %s', async (lost) => {
      disturbed.disturb(lost, lost, lost)
      expect((await stream.transact(creating('a'), context)).appended).toMatchObject({ revision: 2 })
      expect(disturbed.sent).toHaveLength(4)
      for (const again of disturbed.sent) expect(again).toEqual(disturbed.sent[0])
      expect(await log()).toHaveLength(2)
    })

    it.each(['answer lost', 'request lost'] as const)(
      'is given up after a limit, and a retry acts once: %s',
      async (lost) => {
        disturbed.disturb(...Array.from({ length: RESEND_ATTEMPTS_MAX }, () => lost))
        await expect(stream.transact(creating('a'), withKey('k-1'))).rejects.toBeInstanceOf(EventStoreUnavailable)
        expect(disturbed.sent).toHaveLength(RESEND_ATTEMPTS_MAX)
        const retried = await stream.transact(creating('b'), withKey('k-1'))
        expect(retried.replayOf).toBe(lost === 'answer lost' ? 'hash' : null)
        expect([...retried.state.meters.keys()]).toEqual([lost === 'answer lost' ? 'mtr_a' : 'mtr_b'])
        expect(await log()).toHaveLength(2)
      },
    )
  })

  it('that was read before its answer came, with what another process did behind it, leaves that as it is', async () => {
    await stream.transact(creating('a'), context)
    const elsewhere = open(real)
    disturbed.disturb('answer lost', async () => {
      await elsewhere.transact({ type: 'ReactivateMeter', meterId: 'mtr_a', at: NOW }, context)
      await stream.read()
    })
    await stream.transact({ type: 'DeactivateMeter', meterId: 'mtr_a', at: NOW }, context)
    expect((await log()).map(({ type }) => type)).toEqual([
      'LedgerOpened',
      'MeterCreated',
      'MeterDeactivated',
      'MeterReactivated',
    ])
    expect(stream.remembered.meters.get('mtr_a')?.status).toBe('active')
    expect(stream.remembered.active.has('a')).toBe(true)
  })

  it('that was read before its answer came is folded once', async () => {
    const counting = new FoldedStream(
      disturbed.store,
      STREAM,
      {
        initial: 0,
        decide: (_: number, command: MeterCatalogue.Command) => MeterCatalogue.decide(MeterCatalogue.initial, command),
        evolve: (events) => events + 1,
      },
      randomUUID,
    )
    disturbed.disturb('answer lost', async () => void (await counting.read()))
    expect(await counting.transact(creating('a'), context)).toMatchObject({ state: 2, appended: { revision: 2 } })
    expect(await counting.read()).toBe(2)
  })

  describe('in conflict with what cannot be read yet', () => {
    let isReadable: boolean
    beforeEach(() => {
      isReadable = false
      const { store } = disturbed
      stream = open({
        ...store,
        readStream: (name, options) => (isReadable ? store.readStream(name, options) : none()),
      })
      return open(real).transact(creating('b'), context)
    })
    async function* none(): AsyncGenerator<never> {}

    it('waits for it, and decides on it', async () => {
      const retried = TRANSACT_ATTEMPTS_MAX / 2
      disturbed.disturb(...Array.from({ length: retried }, () => 'none' as const), async () => void (isReadable = true))
      expect((await stream.transact(creating('a'), context)).appended).toMatchObject({ revision: 3 })
      expect(disturbed.sent).toHaveLength(retried + 2)
    })

    it('does not wait without end, nor send again and again meanwhile', async () => {
      await expect(stream.transact(creating('a'), context)).rejects.toThrow('cannot be read yet')
      expect(disturbed.sent.length).toBeLessThan(20)
    })
  })

  describe('that the store keeps for too long', () => {
    const SETTLE_WITHIN_MS = 1_000
    beforeEach(() => {
      stream = open(disturbed.store, SETTLE_WITHIN_MS)
    })
    const fakeTimeouts = () =>
      jest.useFakeTimers({ doNotFake: ['performance', 'setImmediate', 'nextTick', 'queueMicrotask'] })

    it('has as long as any other, whenever those before it began', async () => {
      fakeTimeouts()
      await stream.transact(creating('a'), context)
      jest.advanceTimersByTime(SETTLE_WITHIN_MS - 1)
      const answer = disturbed.hold()
      const underWay = stream.transact(creating('b'), context)
      await disturbed.sentAtLeast(2)
      jest.advanceTimersByTime(SETTLE_WITHIN_MS - 1)
      answer()
      expect((await underWay).appended).toMatchObject({ revision: 3 })
    })

    it('is given up for its caller and those behind it, refused to others at once, and settled all the same', async () => {
      const release = disturbed.hold('answer lost')
      const underWay = stream.transact(creating('a'), withKey('k-1'))
      const behind = stream.transact(creating('b'), context)
      await expect(underWay).rejects.toBeInstanceOf(EventStoreUnavailable)
      await expect(behind).rejects.toBeInstanceOf(EventStoreUnavailable)
      await expect(stream.transact(creating('c'), context)).rejects.toThrow('does not answer just now')
      expect(disturbed.sent).toHaveLength(1)
      release()
      await disturbed.sentAtLeast(2)
      expect(disturbed.sent[1]).toEqual(disturbed.sent[0])
      let retried: Awaited<typeof underWay> | null = null
      while (retried === null) {
        await new Promise((resolve) => setImmediate(resolve))
        retried = await stream.transact(creating('a'), withKey('k-1')).catch(() => null)
      }
      expect(retried).toMatchObject({ appended: null, replayOf: 'hash' })
      // What only waited was never begun.
      expect([...(await stream.read()).meters.keys()]).toEqual(['mtr_a'])
    })

    it.each([
      ['takes one', creating('b'), { appended: { revision: 2 } }],
      ['is asked for one that is refused', { ...creating('b'), displayName: '' }, { param: 'display_name' }],
    ])('lets others wait in turn again once it %s', async (_, command, outcome) => {
      fakeTimeouts()
      const answer = disturbed.hold('unavailable')
      const givenUp = stream.transact(creating('a'), context)
      await disturbed.sentAtLeast(1)
      jest.advanceTimersByTime(SETTLE_WITHIN_MS)
      await expect(givenUp).rejects.toThrow('did not confirm in time')
      answer()
      await new Promise((resolve) => setImmediate(resolve))
      // The next one finds out whether it answers again; until then it does not for the others.
      const answerAgain = disturbed.hold('unavailable')
      const asking = stream.transact(creating('a'), context)
      await disturbed.sentAtLeast(2)
      await expect(stream.transact(creating('b'), context)).rejects.toThrow('does not answer just now')
      answerAgain()
      await expect(asking).rejects.toThrow('The disk is full.')
      expect(await stream.transact(command, context).catch((error: unknown) => error)).toMatchObject(outcome)

      const sent = disturbed.sent.length
      const release = disturbed.hold()
      const underWay = stream.transact(creating('c'), context)
      await disturbed.sentAtLeast(sent + 1)
      const behind = stream.transact(creating('d'), context)
      release()
      for (const { appended } of await Promise.all([underWay, behind])) expect(appended).not.toBeNull()
    })
  })

  it('finds that the store is another one by a conflict at a revision that is behind it', async () => {
    await stream.transact(creating('a'), context)
    const elsewhere = new EmbeddedEventStore(join(folder, 'other.db'))
    try {
      const replaced = open({ ...disturbed.store, append: (appends) => elsewhere.append(appends) })
      await replaced.read()
      const failure = await replaced.transact(creating('b'), context).catch((error: unknown) => error)
      expect(failure).toBeInstanceOf(EventStoreReplaced)
      expect((failure as Error).message).toContain(`${STREAM} has 0 events, but 2 are known here`)
    } finally {
      await elsewhere.close()
    }
  })

  it.each(['unavailable', 'rejected'] as const)(
    'that the store does not take (%s) changes nothing',
    async (refusal) => {
      disturbed.disturb(refusal)
      await expect(stream.transact(creating('a'), context)).rejects.toBeInstanceOf(EventStoreUnavailable)
      expect((await stream.read()).meters.size).toBe(0)
      expect((await stream.transact(creating('a'), context)).appended).toMatchObject({ revision: 2 })
    },
  )

  it('sees what others wrote only when it looks', async () => {
    await open(real).transact(creating('a'), context)
    expect(stream.remembered.meters.size).toBe(0)
    expect((await stream.read()).meters.size).toBe(1)
    expect(stream.remembered.meters.size).toBe(1)
    expect((await stream.stateAt(1)).meters.size).toBe(0)
  })
})
