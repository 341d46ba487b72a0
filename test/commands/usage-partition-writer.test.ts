import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals'
import { randomUUID } from 'node:crypto'
import { UsageIndex } from '../../src/commands/usage-index.js'
import {
  BATCH_BYTES_MAX,
  BATCH_EVENTS_MAX,
  QUEUE_MAX,
  TAIL_CHARACTERS_MAX,
  TAIL_MAX,
  TAIL_SLOW,
  TAIL_SLOW_CHARACTERS,
  TAILS_CHARACTERS_MAX,
  UsagePartitionWriter,
  type UsageOutcome,
} from '../../src/commands/usage-partition-writer.js'
import type { Command, UsageRecord } from '../../src/domain/usage-record.js'
import { EmbeddedEventStore } from '../../src/event-store/embedded-event-store.js'
import {
  EventStoreUnavailable,
  SETTLE_WITHIN_MS,
  type EventStore,
  type Position,
} from '../../src/event-store/event-store.js'
import { ReadYourWrites } from '../../src/event-store/read-your-writes.js'
import type { RequestContext } from '../../src/event-store/transact.js'
import { Overloaded } from '../../src/overloaded.js'
import { EmbeddedReadModel } from '../../src/read-model/embedded-read-model.js'
import type { ReadModel } from '../../src/read-model/read-model.js'
import { usageRecords } from '../../src/read-model/tables.js'
import { NOW, collect } from '../controls.js'
import { meterCreated, ledgerOpened, usage } from '../domain/examples.js'
import { DisturbedStore } from '../event-store/disturbed-store.js'
import { writeLog } from '../projections/history.js'
import { Workspace, project } from '../projections/projecting.js'

const METER = 'mtr_tokens'
/** Long enough for a command to be sent, and short enough to wait for. */
const SETTLE_SOON_MS = 1_000
const STREAM = 'usage-default~test.0'
const context: RequestContext = { requestId: 'req_1', actor: 'key_1', idempotency: null }

describe('The writer of a partition', () => {
  let workspace: Workspace
  let real: EventStore
  let disturbed: DisturbedStore
  let readModel: ReadModel
  let readYourWrites: ReadYourWrites
  let writer: UsagePartitionWriter
  let tails: { characters: number }
  const writers: UsagePartitionWriter[] = []

  beforeEach(async () => {
    workspace = new Workspace()
    real = new EmbeddedEventStore(workspace.file('events.db'))
    disturbed = new DisturbedStore(real)
    readModel = new EmbeddedReadModel(workspace.file('read-model.db'))
    readYourWrites = new ReadYourWrites(real, 1000)
    const stream = 'meters-default~test'
    await writeLog(real, [
      { stream, event: ledgerOpened, idempotency: null },
      { stream, event: meterCreated(), idempotency: null },
    ])
    await projectAll()
    tails = { characters: 0 }
    writer = newWriter()
  })
  afterEach(async () => {
    jest.restoreAllMocks()
    await Promise.all(writers.splice(0).map((each) => each.close()))
    await real.close()
    await readModel.close()
    workspace.remove()
  })

  /** Another one on the same log is what another process, or this one after a restart, has. */
  function newWriter(
    store = disturbed.store,
    index = new UsageIndex(readModel),
    settleWithinMs?: number,
  ): UsagePartitionWriter {
    const isProjected = (position: Position) => readYourWrites.has(position)
    const made = new UsagePartitionWriter(store, STREAM, index, isProjected, randomUUID, tails, settleWithinMs)
    writers.push(made)
    return made
  }

  async function projectAll(): Promise<void> {
    await project(real, readModel, { onProgress: (progress) => readYourWrites.advance(progress) })
    for (const each of writers) each.trim()
  }

  function submit(
    by: UsagePartitionWriter,
    identifier: string,
    command: Command,
    { requestId, actor, idempotency }: RequestContext,
  ): Promise<UsageOutcome> {
    const keyed = idempotency ? { idempotencyKey: idempotency.key, requestHash: idempotency.requestHash } : {}
    const metadata = { correlationId: requestId, causationId: requestId, actor, ...keyed }
    return new Promise((resolve, reject) => {
      const settle = (_place: number, outcome: UsageOutcome | Error) =>
        outcome instanceof Error ? reject(outcome) : resolve(outcome)
      by.submit({ meterId: METER, identifier, command }, { metadata, settle }, 0)
    })
  }

  function record(identifier: string, changes: Partial<UsageRecord> = {}, by = writer): Promise<UsageOutcome> {
    const command = {
      type: 'RecordUsage',
      record: { ...usage, identifier, ...changes },
      hasTimestamp: true,
      earliest: 0,
    } as const
    return submit(by, identifier, command, context)
  }

  function cancel(identifier: string, by = writer): Promise<UsageOutcome> {
    const command = { type: 'CancelUsage', identifier, eventName: 'tokens', at: NOW } as const
    return submit(by, identifier, command, context)
  }

  const log = () => collect(real.readStream(STREAM))
  const logged = async () =>
    (await log()).map(({ type, data }) => `${type} ${(data as unknown as UsageRecord).identifier}`)
  /** Submits identifiers one after the other and waits for all. */
  const recordAll = (...identifiers: string[]) => Promise.all(identifiers.map((identifier) => record(identifier)))

  it('answers once the record is in the log, and where', async () => {
    const outcome = await record('id-1')
    const [event] = await log()
    expect(outcome).toEqual({
      state: { status: 'recorded', record: { ...usage, identifier: 'id-1' } },
      isNew: true,
      stream: STREAM,
      revision: 1,
      position: event!.position,
    })
    expect(event!.data).toEqual({ ...usage, identifier: 'id-1' })
  })

  it('appends together what gathers while an append is under way', async () => {
    const release = disturbed.hold()
    const first = record('id-0')
    await disturbed.sentAtLeast(1)
    const rest = recordAll('id-1', 'id-2', 'id-3')
    release()
    expect([await first, ...(await rest)].map(({ revision }) => revision)).toEqual([1, 2, 3, 4])
    expect(disturbed.sent.map(({ events }) => events.length)).toEqual([1, 3])
  })

  it('decides each command on what those before it in the batch did', async () => {
    const outcomes = await Promise.allSettled([
      record('id-1'),
      record('id-1'),
      record('id-1', { value: '26' }),
      cancel('id-1'),
      cancel('id-1'),
      record('id-1'),
      cancel('id-2'),
      record('id-2'),
    ])
    expect(outcomes.map((each) => (each.status === 'fulfilled' ? each.value.isNew : (each.reason as Error)))).toEqual([
      true,
      false,
      expect.objectContaining({ code: 'duplicate_meter_event' }),
      true,
      false,
      false,
      expect.objectContaining({ code: 'resource_missing' }),
      true,
    ])
    expect(await logged()).toEqual(['UsageRecorded id-1', 'UsageCancelled id-1', 'UsageRecorded id-2'])
    expect(disturbed.sent).toHaveLength(1)
  })

  it('counts an identifier once, before and after it was projected and after a restart', async () => {
    await recordAll('id-1', 'id-2')
    await cancel('id-2')
    const check = async (by: UsagePartitionWriter) => {
      expect(await record('id-1', {}, by)).toMatchObject({ isNew: false, revision: 1 })
      expect(await record('id-2', {}, by)).toMatchObject({ isNew: false, state: { status: 'cancelled' }, revision: 3 })
      expect(await cancel('id-2', by)).toMatchObject({ isNew: false, revision: 3 })
      await expect(record('id-1', { customer: 'cus_B' }, by)).rejects.toMatchObject({ code: 'duplicate_meter_event' })
    }
    await check(writer)
    // Nothing of it is projected: all of it is in the stream only.
    await check(newWriter())
    await projectAll()
    await check(writer)
    await check(newWriter())
    expect(await log()).toHaveLength(3)
  })

  it('counts an identifier once after a restart with a part of it projected', async () => {
    await record('id-1')
    await projectAll()
    await record('id-2')
    await cancel('id-1')
    const restarted = newWriter()
    expect(await record('id-1', {}, restarted)).toMatchObject({ isNew: false, state: { status: 'cancelled' } })
    expect(await record('id-2', {}, restarted)).toMatchObject({ isNew: false, state: { status: 'recorded' } })
    expect(await cancel('id-2', restarted)).toMatchObject({ isNew: true, revision: 4 })
  })

  it('keeps in memory what is not projected yet, and looks the rest up', async () => {
    const { index, lookedUp } = watchedIndex()
    writer = newWriter(disturbed.store, index)
    await record('id-1')
    lookedUp.splice(0)
    await record('id-1')
    expect(lookedUp).toEqual([])
    await projectAll()
    await record('id-1')
    expect(lookedUp).toEqual(['id-1'])
  })

  /** The index over the real read model, telling which identifiers were asked for. */
  function watchedIndex(): { index: UsageIndex; lookedUp: unknown[] } {
    const lookedUp: unknown[] = []
    const watched: Pick<ReadModel, 'get'> = {
      get: (table, keys, index) => {
        if (table.name === usageRecords.name) lookedUp.push(...keys.map(([, identifier]) => identifier))
        return readModel.get(table, keys, index)
      },
    }
    return { index: new UsageIndex(watched as ReadModel), lookedUp }
  }

  describe('after an append of unknown outcome', () => {
    it.each(['answer lost', 'request lost'] as const)('sends exactly it again, and counts once: %s', async (lost) => {
      disturbed.disturb(lost, lost)
      const outcomes = await recordAll('id-1', 'id-2')
      expect(outcomes.map(({ isNew, revision }) => [isNew, revision])).toEqual([
        [true, 1],
        [true, 2],
      ])
      expect(disturbed.sent).toHaveLength(3)
      for (const again of disturbed.sent) expect(again).toEqual(disturbed.sent[0])
      expect(await logged()).toEqual(['UsageRecorded id-1', 'UsageRecorded id-2'])
    })

    // Also where nothing was written: the store said so only after its callers had been given up.
    describe.each(['answer lost', 'request lost', 'unavailable'] as const)('for too long (%s)', (lost) => {
      /**
       * Two records whose callers were told to try again, while the store still had the append: one was sent, one waited.
       * Answers what lets the store go on.
       */
      async function stall(): Promise<() => void> {
        writer = newWriter(disturbed.store, new UsageIndex(readModel), SETTLE_SOON_MS)
        const answerFirst = disturbed.hold(lost)
        const release = disturbed.hold()
        const sent = record('id-1')
        const waiting = disturbed.sentAtLeast(1).then(() => record('id-2'))
        await expect(sent).rejects.toThrow('did not confirm in time')
        await expect(waiting).rejects.toBeInstanceOf(EventStoreUnavailable)
        answerFirst()
        await disturbed.sentAtLeast(2)
        return release
      }

      it('tells callers, takes nothing more, and settles the append later all the same', async () => {
        const release = await stall()
        await expect(record('id-3')).rejects.toThrow('does not answer just now')
        release()
        await writer.close()
        expect(disturbed.sent[1]).toEqual(disturbed.sent[0])
        expect(await logged()).toEqual(['UsageRecorded id-1'])
        expect(await record('id-1', {}, newWriter())).toMatchObject({ isNew: false, revision: 1 })
      })

      it('takes usage again once the store answers, and counts what was in doubt once', async () => {
        const release = await stall()
        release()
        let retried: UsageOutcome | null = null
        while (retried === null) {
          await new Promise((resolve) => setImmediate(resolve))
          retried = await record('id-1').catch(() => null)
        }
        expect(retried).toMatchObject({ isNew: false, revision: 1 })
        expect(await record('id-2')).toMatchObject({ isNew: true, revision: 2 })
        expect(await log()).toHaveLength(2)
      })
    })
  })

  describe('beside a faster writer', () => {
    it('decides the whole batch again on what that one wrote', async () => {
      const other = newWriter(real)
      await record('id-0')
      disturbed.disturb(async () => {
        await Promise.all(['id-1', 'id-2', 'id-3', 'id-8'].map((each) => record(each, {}, other)))
        await cancel('id-3', other)
      })
      const outcomes = await Promise.allSettled([
        record('id-1'),
        record('id-2', { value: '26' }),
        cancel('id-3'),
        record('id-4'),
        cancel('id-8'),
      ])
      expect(outcomes.map((each) => (each.status === 'fulfilled' ? each.value.isNew : (each.reason as Error)))).toEqual(
        [false, expect.objectContaining({ code: 'duplicate_meter_event' }), false, true, true],
      )
      expect((await logged()).slice(6)).toEqual(['UsageRecorded id-4', 'UsageCancelled id-8'])
    })

    it('cancels what that one recorded a moment ago, also where nothing else is written', async () => {
      const other = newWriter(real)
      await record('id-0')
      await record('id-1', {}, other)
      expect(await cancel('id-1')).toMatchObject({ isNew: true, revision: 3 })
      expect(await logged()).toEqual(['UsageRecorded id-0', 'UsageRecorded id-1', 'UsageCancelled id-1'])
    })

    it('counts one where both report the same identifier at once', async () => {
      const other = newWriter()
      const outcomes = await Promise.all(
        Array.from({ length: 40 }, (_, n) => record(`id-${n % 20}`, {}, n % 2 === 0 ? writer : other)).concat(
          Array.from({ length: 40 }, (_, n) => record(`id-${n % 20}`, {}, n % 2 === 0 ? other : writer)),
        ),
      )
      expect(outcomes.filter(({ isNew }) => isNew)).toHaveLength(20)
      expect(new Set(await logged()).size).toBe((await log()).length)
      expect(await log()).toHaveLength(20)
    })

    it('counts one where that one wrote while the own append was of unknown outcome', async () => {
      const other = newWriter(real)
      disturbed.disturb('request lost', async () => {
        await record('id-0', {}, other)
        await record('id-1', {}, other)
      })
      expect(await record('id-1')).toMatchObject({ isNew: false, revision: 2 })
      expect(await log()).toHaveLength(2)
    })

    it('knows the very same report for the other one’s: one event, and one of the two is told that it was already so', async () => {
      const other = newWriter(real)
      disturbed.disturb(async () => void (await record('id-1', {}, other)))
      expect(await record('id-1')).toMatchObject({ isNew: false, revision: 1 })
      expect(await log()).toHaveLength(1)
    })
  })

  describe('beside one whose events cannot be read yet', () => {
    let isReadable: boolean
    let unread: UsagePartitionWriter
    beforeEach(async () => {
      isReadable = false
      const { store } = disturbed
      unread = newWriter({
        ...store,
        readStream: (name, options) => (isReadable ? store.readStream(name, options) : none()),
      })
      await record('id-1', {}, newWriter(real))
    })
    async function* none(): AsyncGenerator<never> {}

    it('waits for them, and decides on them', async () => {
      disturbed.disturb('none', 'none', async () => void (isReadable = true))
      expect(await record('id-1', {}, unread)).toMatchObject({ isNew: false, revision: 1 })
      expect(await log()).toHaveLength(1)
    })

    it('does not wait without end, nor send again and again meanwhile', async () => {
      await expect(record('id-1', {}, unread)).rejects.toThrow(`wrote to ${STREAM} cannot be read yet`)
      expect(disturbed.sent.length).toBeLessThan(20)
      expect(await log()).toHaveLength(1)
    })
  })

  it('refuses what waited too long behind others though the store answers, and takes it when it comes again', async () => {
    const release = disturbed.hold()
    const first = record('first')
    await disturbed.sentAtLeast(1)
    const late = record('late')
    const now = performance.now() + SETTLE_WITHIN_MS
    jest.spyOn(performance, 'now').mockReturnValue(now)
    const inTime = record('in time')
    release()
    await expect(late).rejects.toBeInstanceOf(Overloaded)
    expect(await first).toMatchObject({ isNew: true, revision: 1 })
    expect(await inTime).toMatchObject({ isNew: true, revision: 2 })
    expect(await record('late')).toMatchObject({ isNew: true, revision: 3 })
  })

  it('waits with the next append while the projections are behind', async () => {
    await recordAll(...Array.from({ length: TAIL_SLOW }, (_, n) => `id-${n}`))
    const appended = disturbed.sent.length
    const next = record('next')
    // An append that does not wait takes a turn or two.
    for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve))
    expect(disturbed.sent).toHaveLength(appended)
    await projectAll()
    expect(await next).toMatchObject({ isNew: true, revision: TAIL_SLOW + 1 })
  })

  it('pushes back when the projections are far behind, and takes more as soon as they are not', async () => {
    for (let taken = 0; taken < TAIL_MAX; taken += QUEUE_MAX) {
      await recordAll(...Array.from({ length: QUEUE_MAX }, (_, n) => `id-${taken + n}`))
    }
    await expect(record('one-more')).rejects.toBeInstanceOf(Overloaded)
    expect(await log()).toHaveLength(TAIL_MAX)
    await projectAll()
    expect(await record('one-more')).toMatchObject({ isNew: true, revision: TAIL_MAX + 1 })
  })

  describe('of large records', () => {
    const CHARACTERS = 256 * 1024
    const large = { payload: { note: 'x'.repeat(CHARACTERS) } }
    const recordLarge = (count: number) =>
      Promise.all(Array.from({ length: count }, (_, n) => record(`large-${n}`, large)))

    it('waits for the projections after fewer', async () => {
      await recordLarge(TAIL_SLOW_CHARACTERS / CHARACTERS)
      const appended = disturbed.sent.length
      const next = record('next')
      for (let turn = 0; turn < 10; turn++) await new Promise((resolve) => setImmediate(resolve))
      expect(disturbed.sent).toHaveLength(appended)
      await projectAll()
      expect(await next).toMatchObject({ isNew: true })
    })

    it('pushes back after fewer, and takes more as soon as they are projected', async () => {
      await recordLarge(TAIL_CHARACTERS_MAX / CHARACTERS)
      await expect(record('one-more')).rejects.toBeInstanceOf(Overloaded)
      await projectAll()
      expect(tails.characters).toBe(0)
      expect(await record('one-more')).toMatchObject({ isNew: true })
    })

    it('pushes back where those of all writers are too many', async () => {
      await record('id-1')
      const own = tails.characters
      expect(own).toBeGreaterThan(0)
      // Also what replaces a record counts once.
      await cancel('id-1')
      expect(tails.characters).toBeLessThan(2 * own)
      tails.characters += TAILS_CHARACTERS_MAX
      await expect(record('id-2')).rejects.toBeInstanceOf(Overloaded)
      tails.characters -= TAILS_CHARACTERS_MAX
      expect(await record('id-2')).toMatchObject({ isNew: true })
    })
  })

  describe('cuts batches', () => {
    it('by number of events', async () => {
      const count = 2 * BATCH_EVENTS_MAX + 1
      const outcomes = await recordAll(...Array.from({ length: count }, (_, n) => `id-${n}`))
      expect(disturbed.sent.map(({ events }) => events.length)).toEqual([BATCH_EVENTS_MAX, BATCH_EVENTS_MAX, 1])
      expect(outcomes.map(({ revision }) => revision)).toEqual(Array.from({ length: count }, (_, n) => n + 1))
    })

    it('by size, whatever is in the texts, in the order of arrival', async () => {
      // What takes the most bytes: six for each character of a text.
      const payload = Object.fromEntries(
        Array.from({ length: 50 }, (_, n) => [`${n}`.padEnd(100, '\u0001'), '\u0001'.repeat(500)]),
      )
      const key = { key: '\u0001'.repeat(255), requestHash: 'f'.repeat(64) }
      const outcomes = await Promise.all(
        Array.from({ length: 7 }, (_, n) => {
          const identifier = `${n}`.padEnd(100, '\u0001')
          const data = { ...usage, identifier, customer: '\u0001'.repeat(255), payload }
          const command = { type: 'RecordUsage', record: data, hasTimestamp: true, earliest: 0 } as const
          return submit(writer, identifier, command, { ...context, idempotency: key })
        }),
      )
      expect(outcomes.map(({ revision }) => revision)).toEqual([1, 2, 3, 4, 5, 6, 7])
      expect(disturbed.sent.length).toBeGreaterThan(1)
      for (const { events } of disturbed.sent) {
        const bytes = events.reduce((sum, event) => sum + Buffer.byteLength(JSON.stringify(event)), 0)
        expect(bytes).toBeLessThanOrEqual(BATCH_BYTES_MAX)
      }
    })

    it('by size around a conflict too, and loses nothing', async () => {
      const payload = Object.fromEntries(Array.from({ length: 40 }, (_, n) => [`k${n}`, 'x'.repeat(500)]))
      const other = newWriter(real)
      disturbed.disturb(async () => void (await record('id-1', { payload }, other)))
      const outcomes = await Promise.all(Array.from({ length: 12 }, (_, n) => record(`id-${n}`, { payload })))
      expect(outcomes.filter(({ isNew }) => isNew)).toHaveLength(11)
      expect(new Set(await logged()).size).toBe(12)
    })
  })

  it('refuses more than may wait, and counts all of what it took on', async () => {
    const release = disturbed.hold()
    const first = record('first')
    await disturbed.sentAtLeast(1)
    const waiting = Array.from({ length: QUEUE_MAX }, () => record('id-1'))
    await expect(record('id-2')).rejects.toBeInstanceOf(Overloaded)
    release()
    await first
    const outcomes = await Promise.all(waiting)
    expect(outcomes.filter(({ isNew }) => isNew)).toHaveLength(1)
    expect(await record('id-2')).toMatchObject({ isNew: true, revision: 3 })
  })

  it.each([
    ['unavailable', 'The disk is full.'],
    ['rejected', 'The event store refused an append'],
  ] as const)('says that nothing was written (%s), and a retry counts', async (disturbance, message) => {
    disturbed.disturb(disturbance)
    const outcomes = await Promise.allSettled([record('id-1'), record('id-2')])
    for (const each of outcomes) expect(String((each as PromiseRejectedResult).reason)).toContain(message)
    expect(await record('id-1')).toMatchObject({ isNew: true, revision: 1 })
  })

  it('counts once where the store became unavailable after it had taken the append', async () => {
    disturbed.disturb('answer lost', 'unavailable')
    await expect(record('id-1')).rejects.toBeInstanceOf(EventStoreUnavailable)
    expect(await record('id-1')).toMatchObject({ isNew: false, revision: 1 })
    expect(await log()).toHaveLength(1)
  })

  it('lets one command find out whether a store that cannot be read answers again, and refuses the others meanwhile', async () => {
    let fail: (error: Error) => void = () => undefined
    let begun = 0
    const silent: EventStore = {
      ...disturbed.store,
      readStream: (stream, options) => {
        if (begun++ > 1) return real.readStream(stream, options)
        return { [Symbol.asyncIterator]: () => ({ next: () => new Promise((_, reject) => (fail = reject)) }) }
      },
    }
    writer = newWriter(silent, new UsageIndex(readModel), SETTLE_SOON_MS)
    await expect(record('id-1')).rejects.toThrow('did not confirm in time')
    await expect(record('id-2')).rejects.toThrow('does not answer just now')
    fail(new EventStoreUnavailable('No answer.'))
    await new Promise((resolve) => setImmediate(resolve))
    const asking = record('id-1')
    await expect(record('id-2')).rejects.toThrow('does not answer just now')
    while (begun < 2) await new Promise((resolve) => setImmediate(resolve))
    fail(new EventStoreUnavailable('No answer.'))
    await expect(asking).rejects.toBeInstanceOf(EventStoreUnavailable)
    expect(await record('id-1')).toMatchObject({ isNew: true, revision: 1 })
    expect(await record('id-2')).toMatchObject({ isNew: true, revision: 2 })
  })

  it('stops rather than write to a store the read model was not built from', async () => {
    await record('id-1')
    await projectAll()
    const elsewhere = new EmbeddedEventStore(workspace.file('other.db'))
    try {
      await expect(record('id-2', {}, newWriter(elsewhere))).rejects.toThrow(
        'not the one the read model was built from',
      )
    } finally {
      await elsewhere.close()
    }
  })

  it('settles what it took on before it closes, and takes nothing afterwards', async () => {
    const taken = recordAll('id-1', 'id-2')
    await writer.close()
    expect((await taken).every(({ isNew }) => isNew)).toBe(true)
    await expect(record('id-3')).rejects.toThrow('shutting down')
  })

  it('does not wait for ever for an unknown outcome when it closes', async () => {
    disturbed.disturb(...Array.from({ length: 10 }, () => 'request lost' as const))
    const taken = record('id-1')
    await disturbed.sentAtLeast(1)
    const refused = expect(taken).rejects.toBeInstanceOf(EventStoreUnavailable)
    await writer.close()
    await refused
    // Nor does it go on behind the back of who closed it.
    expect(await log()).toEqual([])
  })
})
