/** A log copied between stores: the same events in the same order, so the same rows; and whatever is not its beginning is left alone. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { copyLog, OtherLog, type Copied, type CopyPhase } from '../../src/event-store/copy-log.js'
import { EmbeddedEventStore } from '../../src/event-store/embedded-event-store.js'
import {
  EventStoreCorrupt,
  type EventStore,
  type ReadAllOptions,
  type RecordedEvent,
} from '../../src/event-store/event-store.js'
import { categories } from '../../src/event-store/streams.js'
import { SqliteDatabase } from '../../src/sqlite.js'
import { histories, historyMeters, opening, recordedEntry, writeLog, type Entry } from '../projections/history.js'
import { dump, project, Workspace } from '../projections/projecting.js'
import { newEvent } from '../controls.js'
import { deleteEvents } from '../tampering.js'
import { DisturbedStore } from './disturbed-store.js'
import { closeAfterEach, openStore, startServer } from './eventstoredb-harness.js'

let workspace: Workspace
beforeAll(() => {
  workspace = new Workspace()
})
afterAll(() => workspace.remove())
closeAfterEach()

const [meter, otherMeter] = historyMeters as readonly [(typeof historyMeters)[0], (typeof historyMeters)[0]]

const records = (count: number, of = meter): Entry[] => [
  ...opening([of]),
  ...Array.from({ length: count }, (_, n) => recordedEntry(of, `id-${n}`)),
]

const KEY_EVENT_ID = '6f1e2a52-5d0e-4a39-8f53-0b8f4ad5d1aa'

interface Begun {
  readonly onCopied?: (events: number) => void
  readonly onWaiting?: (why: string) => void
  readonly signal?: AbortSignal
}

async function copy(from: EventStore, to: EventStore, { onCopied, onWaiting, signal }: Begun = {}) {
  const phases: CopyPhase[] = []
  const copied: Copied = await copyLog(from, to, {
    signal: signal ?? new AbortController().signal,
    onProgress: (phase, events) => {
      if (phases.at(-1) !== phase) phases.push(phase)
      if (phase === 'copying') onCopied?.(events)
    },
    onWaiting: onWaiting ?? (() => undefined),
  })
  return { ...copied, phases }
}

async function eventsOf(store: EventStore): Promise<Omit<RecordedEvent, 'position'>[]> {
  const events: Omit<RecordedEvent, 'position'>[] = []
  for await (const page of store.readAll({ after: null, categories: Object.values(categories) })) {
    events.push(...page.map(({ position: _, ...event }) => event))
  }
  return events
}

const rowsOf = (store: EventStore): Promise<unknown> =>
  workspace.withReadModel(async (readModel) => {
    await project(store, readModel)
    return dump(readModel)
  })

describe('A log that is copied', () => {
  it('has the same events and rows in every store, also where it was interrupted anywhere', () =>
    fc.assert(
      fc.asyncProperty(histories(60), fc.nat({ max: 60 }), async (entries, interruptedAt) => {
        await workspace.withStore(async (embedded) => {
          const revisions = new Map<string, number>()
          // One after the other, so that streams take turns in the log.
          for (const entry of entries) await writeLog(embedded, [entry], revisions)
          const server = await startServer()
          const { store: other } = openStore(server)
          const interruption = new AbortController()
          const interrupted = copy(embedded, other, {
            signal: interruption.signal,
            onCopied: (events) => {
              if (events >= interruptedAt) interruption.abort()
            },
          })
          if (interruptedAt <= entries.length) await expect(interrupted).rejects.toThrow(/abort/)
          else await interrupted
          expect(await copy(embedded, other)).toMatchObject({ events: entries.length })
          await workspace.withStore(async (back) => {
            expect(await copy(other, back)).toMatchObject({ events: entries.length, copied: entries.length })
            const events = await eventsOf(embedded)
            expect(await eventsOf(other)).toEqual(events)
            expect(await eventsOf(back)).toEqual(events)
            const rows = await rowsOf(embedded)
            expect(await rowsOf(other)).toEqual(rows)
            expect(await rowsOf(back)).toEqual(rows)
          })
        })
      }),
      { numRuns: 6 },
    ))

  it('is compared once it is copied, and the next time copies only what came since', async () => {
    await workspace.withStore((from) =>
      workspace.withStore(async (to) => {
        const entries = records(1_200)
        await writeLog(from, entries)
        expect(await copy(from, to)).toEqual({
          events: 1_202,
          copied: 1_202,
          phases: ['reading', 'copying', 'comparing'],
        })
        expect(await copy(from, to)).toEqual({ events: 1_202, copied: 0, phases: ['reading', 'comparing'] })
        await from.append([
          { stream: 'keys', expectedRevision: 0, events: [{ ...(await eventsOf(from))[0]!, id: KEY_EVENT_ID }] },
        ])
        expect(await copy(from, to)).toMatchObject({ events: 1_203, copied: 1 })
        expect(await eventsOf(to)).toEqual(await eventsOf(from))
      }),
    )
  })

  it('is not projected into the rows of the log it was copied from: positions are of one store', async () => {
    await workspace.withStore(async (from) => {
      await writeLog(from, records(3))
      const server = await startServer()
      const { store: to } = openStore(server)
      await copy(from, to)
      for (const [first, second] of [
        [from, to],
        [to, from],
      ] as const) {
        await workspace.withReadModel(async (readModel) => {
          await project(first, readModel)
          const rows = await dump(readModel)
          await expect(project(second, readModel)).rejects.toThrow(
            /^The event log is a copy, .* Either delete read-model\.db/,
          )
          expect(await dump(readModel)).toEqual(rows)
        })
      }
    })
  })

  it('goes on when the store it is copied to was away for a moment', async () => {
    await workspace.withStore(async (from) => {
      for (const [n, entry] of records(30).entries()) await writeLog(from, [entry], revisionsBefore(records(30), n))
      const server = await startServer()
      const { store: to } = openStore(server)
      const restarts: Promise<void>[] = []
      await copy(from, to, {
        onCopied: (events) => {
          if (events >= 10 && restarts.length === 0) restarts.push(server.stop().then(() => server.start()))
        },
      })
      expect(restarts).toHaveLength(1)
      await Promise.all(restarts)
      expect(await eventsOf(to)).toEqual(await eventsOf(from))
    })
  })
})

describe('An append', () => {
  it('is as large as the other store takes it, whatever its events are made of', async () => {
    await workspace.withStore(async (from) => {
      const payload = Object.fromEntries(Array.from({ length: 45 }, (_, n) => [`${n}`.padEnd(45, 'k'), '1']))
      const entries = [
        ...opening([meter]),
        ...Array.from({ length: 900 }, (_, n) => recordedEntry(meter, `id-${n}`, { payload })),
      ]
      // One stream has them all: nothing else stands between them.
      await writeLog(
        from,
        entries.map((entry, index) => (index < 2 ? entry : { ...entry, stream: 'usage-default~test.0' })),
      )
      const server = await startServer()
      const { store: to } = openStore(server, { limits: { appendTryMs: 5_000 } })
      expect(await copy(from, to)).toMatchObject({ events: entries.length, copied: entries.length })
      expect(await eventsOf(to)).toEqual(await eventsOf(from))
    })
  })

  it('that the other store does not take is made smaller, down to one event, which is named', async () => {
    await workspace.withStore(async (from) => {
      await from.append([{ stream: 'keys', expectedRevision: 0, events: [1, 2, 3, 4, 5].map((n) => newEvent({ n })) }])
      await workspace.withStore(async (to) => {
        const smaller = new DisturbedStore(to)
        smaller.disturb('rejected', 'rejected')
        expect(await copy(from, smaller.store)).toMatchObject({ events: 5, copied: 5 })
        expect(smaller.sent.map(({ events }) => events.length)).toEqual([5, 3, 2, 1, 2])
        expect(await eventsOf(to)).toEqual(await eventsOf(from))
      })
      await workspace.withStore(async (to) => {
        const none = new DisturbedStore(to, 'rejected')
        await expect(copy(from, none.store)).rejects.toThrow(
          'The store that is copied to does not take event 1 of stream keys. Too large.',
        )
      })
    })
  })

  it('that was not taken, or nobody knows whether, is sent again unchanged, and the wait is told once', async () => {
    await workspace.withStore((from) =>
      workspace.withStore(async (to) => {
        await from.append([{ stream: 'keys', expectedRevision: 0, events: [newEvent({ n: 1 }), newEvent({ n: 2 })] }])
        const away = new DisturbedStore(to)
        away.disturb('unavailable', 'answer lost')
        const told: string[] = []
        expect(await copy(from, away.store, { onWaiting: (why) => told.push(why) })).toMatchObject({ copied: 2 })
        expect(told).toEqual(['The disk is full.'])
        expect(away.sent).toEqual(Array(3).fill(away.sent[0]))
        expect(await eventsOf(to)).toEqual(await eventsOf(from))
      }),
    )
  })
})

describe('An event that is there already', () => {
  const event = newEvent({ one: 1, other: 2 })
  const stream = 'keys'

  async function copyBeside(there: Partial<RecordedEvent>): Promise<Copied> {
    return workspace.withStore((from) =>
      workspace.withStore(async (to) => {
        await from.append([{ stream, expectedRevision: 0, events: [event] }])
        const { stream: itsStream, ...its } = { stream, ...event, ...there }
        await to.append([{ stream: itsStream, expectedRevision: 0, events: [its] }])
        return copy(from, to)
      }),
    )
  }

  it.each<[string, Partial<RecordedEvent>]>([
    ['id', { id: KEY_EVENT_ID }],
    ['type', { type: 'Other' }],
    ['data', { data: { one: 1, other: 3 } }],
    ['metadata', { metadata: { ...event.metadata, actor: 'other' } }],
    ['stream', { stream: 'keys-other' }],
  ])('is not the same with another %s', async (_, there) => {
    await expect(copyBeside(there)).rejects.toThrow(OtherLog)
  })

  it('is the same in whatever order its keys are', async () => {
    expect(await copyBeside({ data: { other: 2, one: 1 } })).toMatchObject({ events: 1, copied: 0 })
  })
})

describe('Nothing is added', () => {
  const refused = async (ours: readonly Entry[], theirs: readonly Entry[], message: RegExp): Promise<void> => {
    await workspace.withStore(async (from) => {
      const server = await startServer()
      const { store: to } = openStore(server)
      await writeLog(from, ours)
      await writeLog(to, theirs)
      const before = await eventsOf(to)
      const copying = copy(from, to)
      await expect(copying).rejects.toThrow(OtherLog)
      await expect(copying).rejects.toThrow(message)
      expect(await eventsOf(to)).toEqual(before)
    })
  }

  it('to a store with another history', () =>
    refused(
      records(3),
      records(1, otherMeter),
      /^The store that is copied to has another log: its event 1 should be LedgerOpened/,
    ))

  it('to a store that has more', () => refused([], records(2), /has more than this log: its event 1 is /))

  it('to a store that grows while it is compared, or from one that does', async () => {
    for (const growing of ['from', 'to'] as const) {
      await workspace.withStore((from) =>
        workspace.withStore(async (to) => {
          await writeLog(from, records(3))
          // The last time: when all is copied.
          const [store, walks] = growing === 'from' ? [from, 3] : [to, 2]
          const extra = { ...(await eventsOf(from))[0]!, id: KEY_EVENT_ID }
          const grown = beforeWalk(store, walks, () =>
            store.append([{ stream: 'keys', expectedRevision: 0, events: [extra] }]),
          )
          const copying = growing === 'from' ? copy(grown, to) : copy(from, grown)
          await expect(copying).rejects.toThrow(
            growing === 'from'
              ? /^Something writes to the store that is copied from: LedgerOpened/
              : /^Something else writes to the store that is copied to: LedgerOpened/,
          )
        }),
      )
    }
  })

  it('where the log that is copied cannot be read to its end', async () => {
    const file = workspace.file('events.db')
    const written = new EmbeddedEventStore(file)
    await writeLog(written, records(20))
    await written.close()
    const database = new SqliteDatabase(file)
    database.exec('DROP TRIGGER events_are_never_changed')
    database.exec(`UPDATE events SET data = '{' WHERE position = 15`)
    database.close()
    const damaged = new EmbeddedEventStore(file)
    try {
      await workspace.withStore(async (to) => {
        await expect(copy(damaged, to)).rejects.toThrow(/is not JSON/)
        expect(await eventsOf(to)).toEqual([])
      })
    } finally {
      await damaged.close()
    }
  })

  it('where the log that is copied lacks an event', async () => {
    const file = workspace.file('events.db')
    const written = new EmbeddedEventStore(file)
    await writeLog(written, records(20))
    await written.close()
    deleteEvents(file, 'position = 10')
    const damaged = new EmbeddedEventStore(file)
    try {
      await workspace.withStore(async (to) => {
        const copying = copy(damaged, to)
        await expect(copying).rejects.toThrow(EventStoreCorrupt)
        await expect(copying).rejects.toThrow(
          /^The store that is copied from is damaged: Event \d+ of stream usage-\S+ stands where \d+ must be\./,
        )
        expect(await eventsOf(to)).toEqual([])
      })
    } finally {
      await damaged.close()
    }
  })

  it('behind what somebody else writes meanwhile', async () => {
    await workspace.withStore(async (from) => {
      const entries = records(1_000)
      await writeLog(from, entries)
      const server = await startServer()
      const { store: to } = openStore(server)
      const last = entries.at(-1) as Entry
      const interfering = beforeWalk(
        from,
        2,
        async () => writeLog(to, [last], new Map([[last.stream, await lengthOf(to, last.stream)]])),
        1,
      )
      await expect(copy(interfering, to)).rejects.toThrow(
        /^Something else writes to the store that is copied to: usage-/,
      )
    })
  })
})

/** The store, into which something comes in between while its log is walked through for the n-th time, after so many pages. */
function beforeWalk(store: EventStore, n: number, change: () => Promise<unknown>, afterPages = 0): EventStore {
  let walks = 0
  return {
    append: (appends) => store.append(appends),
    readStream: (stream, options) => store.readStream(stream, options),
    readAll: async function* (options: ReadAllOptions): AsyncGenerator<readonly RecordedEvent[]> {
      const isIt = ++walks === n
      let pages = 0
      if (isIt && afterPages === 0) await change()
      for await (const page of store.readAll(options)) {
        if (isIt && ++pages === afterPages + 1 && afterPages > 0) await change()
        yield page
      }
    },
    hasEventAt: (position, options) => store.hasEventAt(position, options),
    subscribe: (options) => store.subscribe(options),
    resubscribe: () => store.resubscribe(),
    comparePositions: (left, right) => store.comparePositions(left, right),
    parsePosition: (text) => store.parsePosition(text),
    check: () => store.check(),
    storageFaults: () => store.storageFaults(),
    lostEvents: () => store.lostEvents(),
    close: () => store.close(),
  }
}

/** How many events each stream has before the entry. */
function revisionsBefore(entries: readonly Entry[], index: number): Map<string, number> {
  const revisions = new Map<string, number>()
  for (const { stream } of entries.slice(0, index)) revisions.set(stream, (revisions.get(stream) ?? 0) + 1)
  return revisions
}

async function lengthOf(store: EventStore, stream: string): Promise<number> {
  let events = 0
  for await (const page of store.readStream(stream)) events += page.length
  return events
}
