/**
 * What every event store adapter promises. It takes no options: an adapter passes all of it or is not an adapter.
 * Each test uses streams and categories of its own, so the suite also runs on a store that others use.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { randomUUID } from 'node:crypto'
import {
  APPEND_EVENTS_MAX,
  READ_PAGE_EVENTS,
  categoryOf,
  type AppendOutcome,
  type EventStore,
  type JsonObject,
  type NewEvent,
  type Position,
  type RecordedEvent,
  type StreamAppend,
  type SubscriptionItem,
} from '../../src/event-store/event-store.js'
import { collect, metadata, newEvent, uniqueName } from '../controls.js'

export interface OpenStore {
  readonly store: EventStore
  /** A second, independent way into the same store, as another process would have. */
  readonly other: EventStore
  close(): Promise<void>
}

export function eventStoreContract(name: string, open: () => Promise<OpenStore>): void {
  describe(`${name} as an event store`, () => {
    let opened: OpenStore
    let store: EventStore

    beforeAll(async () => {
      opened = await open()
      store = opened.store
    })
    afterAll(() => opened.close())

    async function append(stream: string, expectedRevision: number, events: NewEvent[]): Promise<AppendOutcome> {
      const [outcome] = await store.append([{ stream, expectedRevision, events }])
      return outcome!
    }

    async function appended(stream: string, expectedRevision: number, events: NewEvent[]) {
      const outcome = await append(stream, expectedRevision, events)
      if (outcome.status !== 'appended') throw new Error(`append was ${JSON.stringify(outcome)}`)
      return outcome
    }

    const newStream = () => `${uniqueName('c')}-stream`

    describe('an append on an expected revision', () => {
      it('is refused on a new stream when the stream exists, and writes none of it', async () => {
        const stream = newStream()
        await appended(stream, 0, [newEvent(), newEvent()])
        expect(await append(stream, 0, [newEvent()])).toEqual({ status: 'conflict', revision: 2 })
        expect(await collect(store.readStream(stream))).toHaveLength(2)
      })

      it('is refused on an old revision, and writes none of it', async () => {
        const stream = newStream()
        await appended(stream, 0, [newEvent(), newEvent()])
        expect(await append(stream, 1, [newEvent(), newEvent()])).toEqual({ status: 'conflict', revision: 2 })
        expect(await collect(store.readStream(stream))).toHaveLength(2)
      })

      it('is refused on a revision that is not there yet', async () => {
        const stream = newStream()
        await appended(stream, 0, [newEvent()])
        expect(await append(stream, 2, [newEvent()])).toEqual({ status: 'conflict', revision: 1 })
      })

      it('is refused on a stream that does not exist, and does not make it', async () => {
        const stream = newStream()
        expect(await append(stream, 1, [newEvent()])).toEqual({ status: 'conflict', revision: 0 })
        expect(await collect(store.readStream(stream))).toEqual([])
      })

      it('lets exactly one of two writers through', async () => {
        const stream = newStream()
        await appended(stream, 0, [newEvent()])
        const [mine, theirs] = await Promise.all([
          store.append([{ stream, expectedRevision: 1, events: [newEvent({ by: 'mine' })] }]),
          opened.other.append([{ stream, expectedRevision: 1, events: [newEvent({ by: 'theirs' })] }]),
        ])
        const statuses = [mine[0]!.status, theirs[0]!.status].sort()
        expect(statuses).toEqual(['appended', 'conflict'])
        const events = await collect(store.readStream(stream))
        expect(events).toHaveLength(2)
        expect(events[1]!.data).toEqual({ by: mine[0]!.status === 'appended' ? 'mine' : 'theirs' })
      })

      it('goes on from what another writer appended', async () => {
        const stream = newStream()
        await opened.other.append([{ stream, expectedRevision: 0, events: [newEvent({ n: 1 })] }])
        await appended(stream, 1, [newEvent({ n: 2 })])
        await opened.other.append([{ stream, expectedRevision: 2, events: [newEvent({ n: 3 })] }])
        const events = await collect(store.readStream(stream))
        expect(events.map(({ data }) => data.n)).toEqual([1, 2, 3])
      })
    })

    describe('an append sent again unchanged', () => {
      it('answers as the first time and adds nothing', async () => {
        const stream = newStream()
        const events = [newEvent(), newEvent()]
        const first = await appended(stream, 0, events)
        expect(await appended(stream, 0, events)).toEqual(first)
        expect(await collect(store.readStream(stream))).toHaveLength(2)
      })

      it('answers with its original revision also when later events followed', async () => {
        const stream = newStream()
        await appended(stream, 0, [newEvent()])
        const events = [newEvent(), newEvent()]
        const first = await appended(stream, 1, events)
        await appended(stream, 3, [newEvent(), newEvent(), newEvent()])
        expect(await appended(stream, 1, events)).toEqual(first)
        expect(await collect(store.readStream(stream))).toHaveLength(6)
      })

      it('is a conflict with more events than the first time', async () => {
        const stream = newStream()
        const events = [newEvent(), newEvent()]
        await appended(stream, 0, events)
        expect(await append(stream, 0, [...events, newEvent()])).toEqual({ status: 'conflict', revision: 2 })
      })

      it('is a conflict where a later event differs', async () => {
        const stream = newStream()
        const events = [newEvent(), newEvent()]
        await appended(stream, 0, events)
        expect(await append(stream, 0, [events[0]!, newEvent()])).toEqual({ status: 'conflict', revision: 2 })
      })

      it('adds nothing while the first is still under way', async () => {
        const stream = newStream()
        const same: StreamAppend = { stream, expectedRevision: 0, events: [newEvent(), newEvent()] }
        const outcomes = await Promise.all([store.append([same]), store.append([same])])
        expect(outcomes[0]).toEqual(outcomes[1])
        expect(await collect(store.readStream(stream))).toHaveLength(2)
      })
    })

    describe('several appends in one call', () => {
      it('are independent: one conflict does not touch the others, and outcomes keep their order', async () => {
        const [a, b, c] = [newStream(), newStream(), newStream()]
        await appended(b, 0, [newEvent()])
        const outcomes = await store.append([
          { stream: a, expectedRevision: 0, events: [newEvent()] },
          { stream: b, expectedRevision: 0, events: [newEvent()] },
          { stream: c, expectedRevision: 0, events: [newEvent(), newEvent()] },
        ])
        expect(outcomes.map(({ status }) => status)).toEqual(['appended', 'conflict', 'appended'])
        expect(await collect(store.readStream(a))).toHaveLength(1)
        expect(await collect(store.readStream(b))).toHaveLength(1)
        expect(await collect(store.readStream(c))).toHaveLength(2)
      })

      it('are independent of those that are rejected, wherever these stand', async () => {
        const [a, b] = [newStream(), newStream()]
        const outcomes = await store.append([
          { stream: a, expectedRevision: 0, events: [] },
          { stream: b, expectedRevision: 1, events: [newEvent()] },
          { stream: a, expectedRevision: 0, events: [newEvent()] },
        ])
        expect(outcomes).toMatchObject([
          { status: 'rejected' },
          { status: 'conflict', revision: 0 },
          { status: 'appended', revision: 1 },
        ])
      })

      it('may be none', async () => {
        expect(await store.append([])).toEqual([])
      })
    })

    it('answers each of many appends at once with its own outcome', async () => {
      const streams = Array.from({ length: 8 }, newStream)
      const outcomes = await Promise.all(
        streams.map((stream, n) =>
          append(
            stream,
            n % 4 === 3 ? n : 0,
            Array.from({ length: n + 1 }, () => newEvent()),
          ),
        ),
      )
      for (const [n, stream] of streams.entries()) {
        const last = (await collect(store.readStream(stream))).at(-1)
        expect(outcomes[n]).toEqual(
          n % 4 === 3
            ? { status: 'conflict', revision: 0 }
            : { status: 'appended', revision: n + 1, position: last!.position },
        )
      }
    })

    it('refuses an append without events, or with too many, and writes nothing', async () => {
      const stream = newStream()
      const tooMany = Array.from({ length: APPEND_EVENTS_MAX + 1 }, () => newEvent())
      expect((await append(stream, 0, [])).status).toBe('rejected')
      expect((await append(stream, 0, tooMany)).status).toBe('rejected')
      expect(await collect(store.readStream(stream))).toEqual([])
      expect(await append(stream, 0, tooMany.slice(1))).toMatchObject({ revision: APPEND_EVENTS_MAX })
    })

    it('gives back exactly what was appended', async () => {
      const stream = newStream()
      const data = {
        text: 'ünïcødé 使用量 \u{1F600} "quoted" \\ \n\t\u0001',
        exact: '0.000000000000001',
        largest: Number.MAX_SAFE_INTEGER,
        negative: -0.5,
        nothing: null,
        nested: { list: [1, [2, { three: true }]], empty: {} },
        constructor: 'a key like any other',
      }
      const written: NewEvent = {
        id: randomUUID(),
        type: 'Tested',
        data,
        metadata: { ...metadata, idempotencyKey: 'k', requestHash: 'h', causationId: 'evt_cause' },
      }
      const outcome = await appended(stream, 0, [written])
      const [read] = await collect(store.readStream(stream))
      expect(read).toEqual({ ...written, stream, revision: 1, position: outcome.position })
    })

    it('keeps a key named __proto__', async () => {
      const stream = newStream()
      const data = JSON.parse('{"payload":{"__proto__":"kept"}}') as JsonObject
      await appended(stream, 0, [newEvent(data)])
      const [read] = await collect(store.readStream(stream))
      expect(JSON.stringify(read!.data)).toBe('{"payload":{"__proto__":"kept"}}')
    })

    describe('reading a stream', () => {
      it('of a stream that does not exist gives nothing', async () => {
        expect(await collect(store.readStream(newStream()))).toEqual([])
      })

      it('starts after a revision and stops at a limit', async () => {
        const stream = newStream()
        await appended(
          stream,
          0,
          [1, 2, 3, 4, 5].map((n) => newEvent({ n })),
        )
        const read = async (after: number, limit?: number) =>
          (await collect(store.readStream(stream, limit === undefined ? { after } : { after, limit }))).map(
            ({ revision, data }) => [revision, data.n],
          )
        expect(await read(3)).toEqual([
          [4, 4],
          [5, 5],
        ])
        expect(await read(1, 2)).toEqual([
          [2, 2],
          [3, 3],
        ])
        expect(await read(5)).toEqual([])
        expect(await read(9)).toEqual([])
      })

      it('gives long streams in bounded pages, in order', async () => {
        const stream = newStream()
        const total = READ_PAGE_EVENTS * 2 + 7
        for (let from = 0; from < total; from += 500) {
          const size = Math.min(500, total - from)
          await appended(
            stream,
            from,
            Array.from({ length: size }, (_, index) => newEvent({ n: from + index + 1 })),
          )
        }
        const revisions: number[] = []
        for await (const page of store.readStream(stream)) {
          expect(page.length).toBeLessThanOrEqual(READ_PAGE_EVENTS)
          for (const { revision, data } of page) {
            expect(data.n).toBe(revision)
            revisions.push(revision)
          }
        }
        expect(revisions).toEqual(Array.from({ length: total }, (_, index) => index + 1))
      })

      it('can be left early and done again', async () => {
        const stream = newStream()
        await appended(stream, 0, [newEvent(), newEvent()])
        for await (const _ of store.readStream(stream)) break
        expect(await collect(store.readStream(stream))).toHaveLength(2)
      })
    })

    describe('reading all', () => {
      it('gives the events of the categories only, in the order they were appended, positions rising', async () => {
        const [wanted, unwanted] = [uniqueName('c'), uniqueName('c')]
        await appended(`${wanted}-1`, 0, [newEvent({ n: 1 }), newEvent({ n: 2 })])
        await appended(`${unwanted}-1`, 0, [newEvent({ n: 0 })])
        // A name that merely begins alike is another category.
        await appended(`${wanted}more-1`, 0, [newEvent({ n: 0 })])
        await appended(`${wanted}-2`, 0, [newEvent({ n: 3 })])
        await appended(`${wanted}-1`, 2, [newEvent({ n: 4 })])
        const events = await collect(store.readAll({ after: null, categories: [wanted] }))
        expect(events.map(({ data }) => data.n)).toEqual([1, 2, 3, 4])
        for (let index = 1; index < events.length; index++) {
          expect(store.comparePositions(events[index - 1]!.position, events[index]!.position)).toBeLessThan(0)
        }
      })

      it('takes a stream named as its category', async () => {
        const category = uniqueName('c')
        await appended(category, 0, [newEvent({ n: 1 })])
        const events = await collect(store.readAll({ after: null, categories: [category] }))
        expect(events.map(({ stream }) => stream)).toEqual([category])
        expect(categoryOf(category)).toBe(category)
      })

      it('resumes after any position without a gap or a repeat', async () => {
        const category = uniqueName('c')
        for (let n = 0; n < 6; n++) await appended(`${category}-${n % 2}`, Math.floor(n / 2), [newEvent({ n })])
        const all = await collect(store.readAll({ after: null, categories: [category] }))
        for (let index = 0; index < all.length; index++) {
          const rest = await collect(store.readAll({ after: all[index]!.position, categories: [category] }))
          expect(rest.map(({ id }) => id)).toEqual(all.slice(index + 1).map(({ id }) => id))
        }
      })

      it('sees an append as soon as it is answered, through another way in as well', async () => {
        const category = uniqueName('c')
        await appended(`${category}-1`, 0, [newEvent()])
        expect(await collect(opened.other.readAll({ after: null, categories: [category] }))).toHaveLength(1)
      })
    })

    describe('positions', () => {
      it('survive being text', async () => {
        const { position } = await appended(newStream(), 0, [newEvent()])
        const parsed = store.parsePosition(String(position))
        expect(parsed).toBe(position)
        expect(store.comparePositions(parsed!, position)).toBe(0)
      })

      it.each(['', 'x', '-1', '1.5', '0x10', '1e3', ' 1', '99999999999999999999999999', '1/', '__proto__'])(
        'refuse %j',
        (text) => {
          expect(store.parsePosition(text)).toBeNull()
        },
      )

      it('are known to have an event of a category or none', async () => {
        const [category, other] = [uniqueName('c'), uniqueName('c')]
        const { position: first } = await appended(`${category}-1`, 0, [newEvent()])
        for (let n = 0; n < 3; n++) await appended(`${other}-1`, n, [newEvent()])
        const { position: last } = await appended(`${category}-2`, 0, [newEvent()])
        const { position: beyond } = await appended(`${other}-1`, 3, [newEvent()])
        const ofCategory = (position: Position, after: Position | null) =>
          store.hasEventAt(position, { after, categories: [category] })
        expect(await ofCategory(first, null)).toBe(true)
        expect(await ofCategory(last, first)).toBe(true)
        expect(await ofCategory(beyond, last)).toBe(false)
        for (const { position } of await collect(store.readAll({ after: first, categories: [other] }))) {
          expect(await ofCategory(position, first)).toBe(false)
          expect(await store.hasEventAt(position, { after: first, categories: [category, other] })).toBe(true)
        }
      })

      it('order by the log, not as text', async () => {
        const stream = newStream()
        const positions: Position[] = []
        for (let n = 0; n < 12; n++) positions.push((await appended(stream, n, [newEvent()])).position)
        const sorted = [...positions].sort((left, right) => store.comparePositions(left, right))
        expect(sorted).toEqual(positions)
      })
    })

    describe('a subscription', () => {
      /** Reads a subscription until `done` says so, then ends it. */
      async function follow(
        category: string,
        after: Position | null,
        done: (events: RecordedEvent[], caughtUp: number) => boolean | Promise<boolean>,
        from: EventStore = store,
      ): Promise<{ events: RecordedEvent[]; items: SubscriptionItem['type'][] }> {
        const abort = new AbortController()
        const events: RecordedEvent[] = []
        const items: SubscriptionItem['type'][] = []
        let caughtUp = 0
        for await (const item of from.subscribe({ after, categories: [category], signal: abort.signal })) {
          items.push(item.type)
          if (item.type === 'events') events.push(...item.events)
          else caughtUp++
          if (await done(events, caughtUp)) abort.abort()
        }
        return { events, items }
      }

      it('delivers history, then says that it caught up, then what is appended', async () => {
        const category = uniqueName('c')
        await appended(`${category}-1`, 0, [newEvent({ n: 1 }), newEvent({ n: 2 })])
        let late = false
        const { events, items } = await follow(category, null, async (seen, caughtUp) => {
          if (caughtUp > 0 && !late) {
            late = true
            expect(seen).toHaveLength(2)
            await appended(`${category}-1`, 2, [newEvent({ n: 3 })])
          }
          return seen.length === 3
        })
        expect(events.map(({ data }) => data.n)).toEqual([1, 2, 3])
        expect(items.indexOf('caught-up')).toBeGreaterThan(items.indexOf('events'))
      })

      it('on nothing says at once that it caught up', async () => {
        const { events } = await follow(uniqueName('c'), null, (_, caughtUp) => caughtUp > 0)
        expect(events).toEqual([])
      })

      it('starts after a position', async () => {
        const category = uniqueName('c')
        const first = await appended(`${category}-1`, 0, [newEvent({ n: 1 })])
        await appended(`${category}-2`, 0, [newEvent({ n: 2 })])
        const { events } = await follow(category, first.position, (_, caughtUp) => caughtUp > 0)
        expect(events.map(({ data }) => data.n)).toEqual([2])
      })

      it('delivers what another process appends', async () => {
        const category = uniqueName('c')
        let sent = false
        const { events } = await follow(category, null, async (seen, caughtUp) => {
          if (caughtUp > 0 && !sent) {
            sent = true
            await opened.other.append([{ stream: `${category}-1`, expectedRevision: 0, events: [newEvent()] }])
          }
          return seen.length === 1
        })
        expect(events).toHaveLength(1)
      })

      it('delivers each event once and in order while many are appended', async () => {
        const category = uniqueName('c')
        const streams = 4
        const perStream = 60
        const writing = Promise.all(
          Array.from({ length: streams }, async (_, s) => {
            for (let n = 0; n < perStream; n++) await appended(`${category}-${s}`, n, [newEvent({ s, n })])
          }),
        )
        const { events } = await follow(category, null, (seen) => seen.length >= streams * perStream)
        await writing
        expect(new Set(events.map(({ id }) => id)).size).toBe(streams * perStream)
        for (let s = 0; s < streams; s++) {
          const numbers = events.filter(({ data }) => data.s === s).map(({ data }) => data.n)
          expect(numbers).toEqual(Array.from({ length: perStream }, (_, n) => n))
        }
        const all = await collect(store.readAll({ after: null, categories: [category] }))
        expect(events.map(({ id }) => id)).toEqual(all.map(({ id }) => id))
      })

      it('ends without an error when it is aborted while waiting', async () => {
        const abort = new AbortController()
        const items: string[] = []
        for await (const item of store.subscribe({
          after: null,
          categories: [uniqueName('c')],
          signal: abort.signal,
        })) {
          items.push(item.type)
          setImmediate(() => abort.abort())
        }
        expect(items).toEqual(['caught-up'])
      })

      it('that is aborted before it starts delivers nothing', async () => {
        const items: string[] = []
        for await (const item of store.subscribe({
          after: null,
          categories: [uniqueName('c')],
          signal: AbortSignal.abort(),
        })) {
          items.push(item.type)
        }
        expect(items).toEqual([])
      })
    })

    it('says that it can be reached, and that nothing is wrong with how it is kept', async () => {
      await expect(store.check()).resolves.toBeUndefined()
      expect(await store.storageFaults()).toEqual([])
      expect(await store.lostEvents()).toBeNull()
    })
  })
}
