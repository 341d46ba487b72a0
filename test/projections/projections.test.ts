import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import type { UsageRecord } from '../../src/domain/usage-record.js'
import { allProjections } from '../../src/projections/projections.js'
import type { Projection } from '../../src/projections/projection.js'
import type { EventStore } from '../../src/event-store/event-store.js'
import type { ReadModel } from '../../src/read-model/read-model.js'
import { EmbeddedEventStore } from '../../src/event-store/embedded-event-store.js'
import { NOW } from '../controls.js'
import { deleteEvents } from '../tampering.js'
import { histories, historyMeters, opening, recordedEntry, usageEntry, writeLog, type Entry } from './history.js'
import { Workspace, allAtOnce, bySeven, dump, everyEvent, project, sizes, withSchema, type Cut } from './projecting.js'
import { Recount } from './recount.js'

let workspace: Workspace
beforeAll(() => {
  workspace = new Workspace()
})
afterAll(() => workspace.remove())

/** Makes a cut; made anew for each use, because a cut remembers where it is. */
const cuts: fc.Arbitrary<() => Cut> = fc.oneof(
  fc.constant(() => everyEvent),
  fc.constant(() => bySeven),
  fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 8 }).map((list) => () => sizes(list)),
)

function withLog<Result>(
  history: readonly Entry[],
  use: (store: EventStore, readModel: ReadModel) => Promise<Result>,
): Promise<Result> {
  return workspace.withStore(async (store) => {
    await writeLog(store, history)
    return workspace.withReadModel((readModel) => use(store, readModel))
  })
}

describe('The rows of every projection', () => {
  it('are what a recount of the whole history gives, wherever batches are cut', async () => {
    await fc.assert(
      fc.asyncProperty(histories(120), cuts, async (history, cut) => {
        const recount = new Recount(history)
        await workspace.withStore(async (store) => {
          await writeLog(store, history)
          for (const each of [allAtOnce, cut()]) {
            await workspace.withReadModel(async (readModel) => {
              const anomalies = await project(store, readModel, { cut: each })
              expect(await dump(readModel)).toEqual(recount.tables())
              const reported = anomalies.map(({ stream, revision }) => `${stream} ${revision}`)
              expect(reported.sort()).toEqual([...recount.anomalies].sort())
            })
          }
        })
      }),
      { numRuns: 20 },
    )
  })

  it('are the same after the process ended between batches, any number of times', async () => {
    await fc.assert(
      fc.asyncProperty(histories(60), cuts, fc.integer({ min: 1, max: 5 }), async (history, cut, batchesMax) => {
        await withLog(history, async (store, readModel) => {
          let caughtUp = false
          while (!caughtUp) {
            await project(store, readModel, {
              cut: cut(),
              batchesMax,
              onProgress: (progress) => (caughtUp ||= progress.caughtUp),
            })
          }
          expect(await dump(readModel)).toEqual(new Recount(history).tables())
        })
      }),
      { numRuns: 8 },
    )
  })

  it('are the same after the process ended amid a batch: rows and checkpoint are kept together or not at all', async () => {
    await fc.assert(
      fc.asyncProperty(histories(60), cuts, fc.integer({ min: 1, max: 20 }), async (history, cut, deadline) => {
        await withLog(history, async (store, readModel) => {
          let batches = 0
          const dying: Projection = {
            projection: 'dying',
            schema: 1,
            tables: [],
            apply: async () => {
              if (++batches === deadline) throw new Error('The process ended.')
            },
          }
          await project(store, readModel, {
            cut: cut(),
            projections: (report) => [...allProjections(report), dying],
          }).catch((error: Error) => expect(error.message).toBe('The process ended.'))
          await project(store, readModel, { cut: cut() })
          expect(await dump(readModel)).toEqual(new Recount(history).tables())
        })
      }),
      { numRuns: 8 },
    )
  })

  it('are the same after any projection got a new schema number, and only that one is built anew', async () => {
    const names = allProjections(() => undefined).map(({ projection }) => projection)
    await fc.assert(
      fc.asyncProperty(histories(60), cuts, fc.constantFrom(...names), async (history, cut, changed) => {
        await withLog(history, async (store, readModel) => {
          await project(store, readModel)
          const applied = new Set<string>()
          await project(store, readModel, {
            cut: cut(),
            projections: (report) =>
              allProjections(report).map((projection) => {
                const current = projection.projection === changed ? withSchema(projection, 99) : projection
                return watched(current, () => applied.add(projection.projection))
              }),
          })
          expect([...applied]).toEqual([changed])
          expect(await dump(readModel)).toEqual(new Recount(history).tables())
        })
      }),
      { numRuns: 10 },
    )
  })

  it('are the same when a rebuild is interrupted and the log goes on meanwhile', async () => {
    const names = allProjections(() => undefined).map(({ projection }) => projection)
    await fc.assert(
      fc.asyncProperty(
        histories(80),
        cuts,
        fc.constantFrom(...names),
        fc.nat({ max: 100 }),
        fc.integer({ min: 1, max: 6 }),
        async (history, cut, changed, percent, batchesMax) => {
          const first = Math.floor((history.length * percent) / 100)
          const revisions = new Map<string, number>()
          await workspace.withStore(async (store) => {
            await writeLog(store, history.slice(0, first), revisions)
            await workspace.withReadModel(async (readModel) => {
              await project(store, readModel)
              const projections = (report: Parameters<typeof allProjections>[0]) =>
                allProjections(report).map((each) => (each.projection === changed ? withSchema(each, 99) : each))
              await project(store, readModel, { cut: cut(), projections, batchesMax })
              await writeLog(store, history.slice(first), revisions)
              await project(store, readModel, { cut: cut(), projections })
              expect(await dump(readModel)).toEqual(new Recount(history).tables())
            })
          })
        },
      ),
      { numRuns: 8 },
    )
  })

  it('are folded once however often the log is followed again', async () => {
    const [history] = fc.sample(histories(60), 1) as [Entry[]]
    await withLog(history, async (store, readModel) => {
      await project(store, readModel)
      const before = await dump(readModel)
      await project(store, readModel, { cut: everyEvent })
      expect(await dump(readModel)).toEqual(before)
    })
  })
})

describe('Counting again', () => {
  const meter = historyMeters.find(({ eventName }) => eventName === 'last_raw')!
  const daily = historyMeters.find(({ eventName }) => eventName === 'sum_day')!

  it.each([
    ['at one instant', () => 0],
    ['over one minute', (n: number) => n % 60_000],
    ['at two instants', (n: number) => (n % 2) * 1000],
  ])('reads past any number of cancelled records %s', async (_when, offset) => {
    // The newest record is cancelled after a page and more of those before it, so what counts next is far behind.
    const records = Array.from({ length: 700 }, (_, n) => usage(meter.meterId, n, NOW + offset(n)))
    const latestFirst = [...records].sort((a, b) => b.occurredAt - a.occurredAt || Number(b.value) - Number(a.value))
    const cancelled = [...latestFirst.slice(1, 590), ...latestFirst.slice(0, 1), ...latestFirst.slice(590, 600)]
    const history = [
      ...opening([meter]),
      ...records.map((data) => usageEntry(meter, { type: 'UsageRecorded', data })),
      ...cancelled.map((record) =>
        usageEntry(meter, { type: 'UsageCancelled', data: { ...record, cancelledAt: NOW } }),
      ),
    ]
    await withLog(history, async (store, readModel) => {
      await project(store, readModel)
      expect(await dump(readModel)).toEqual(new Recount(history).tables())
    })
  })

  it('finds the previous report of a window, however many came before it', async () => {
    const records = Array.from({ length: 600 }, (_, n) => usage(daily.meterId, n, NOW + (n % 7) * 60_000))
    const history = [
      ...opening([daily]),
      ...records.map((data) => usageEntry(daily, { type: 'UsageRecorded', data })),
      ...[...records.slice(20, 599), ...records.slice(10, 20), ...records.slice(599)].map((record) =>
        usageEntry(daily, { type: 'UsageCancelled', data: { ...record, cancelledAt: NOW } }),
      ),
    ]
    await withLog(history, async (store, readModel) => {
      await project(store, readModel, { cut: sizes([500, 33]) })
      expect(await dump(readModel)).toEqual(new Recount(history).tables())
    })
  })

  function usage(meterId: string, n: number, occurredAt: number): UsageRecord {
    const identifier = `id-${n}`
    return { meterId, identifier, customer: 'cus_A', value: String(n), occurredAt, recordedAt: NOW, payload: {} }
  }
})

describe('A log that contradicts itself', () => {
  const meter = historyMeters[0]!
  const record: UsageRecord = {
    meterId: meter.meterId,
    identifier: 'id-1',
    customer: 'cus_A',
    value: '1',
    occurredAt: NOW,
    recordedAt: NOW,
    payload: {},
  }

  it.each<[string, Entry[]]>([
    ['usage of a meter that was never created', [usageEntry(meter, { type: 'UsageRecorded', data: record })]],
    [
      'a cancellation of what was never recorded',
      [...opening([meter]), usageEntry(meter, { type: 'UsageCancelled', data: { ...record, cancelledAt: NOW } })],
    ],
    [
      'a change of a meter that was never created',
      [
        {
          stream: 'meters-default~test',
          idempotency: null,
          event: { type: 'MeterDeactivated', data: { meterId: 'mtr_x', at: NOW } },
        },
      ],
    ],
  ])('stops the projections and keeps nothing of the batch: %s', async (_what, history) => {
    await withLog(history, async (store, readModel) => {
      await expect(project(store, readModel)).rejects.toMatchObject({ name: 'ProjectionStopped' })
      expect(Object.values(await dump(readModel)).flat()).toEqual([])
    })
  })
})

describe('A log that lacks an event', () => {
  const history = [
    ...opening(historyMeters),
    ...Array.from({ length: 40 }, (_, n) => recordedEntry(historyMeters[n % 2]!, `id-${n}`)),
  ]
  const [missing, last] = [history.length - 20, history.length]

  it.each([
    ['from the beginning', 0],
    ['where they go on right before it', missing - 1],
  ])('stops the projections, %s, at the next event of the same stream', async (_, before) => {
    const logFile = workspace.file('events.db')
    const store = new EmbeddedEventStore(logFile)
    await writeLog(store, history)
    await workspace.withReadModel(async (readModel) => {
      if (before > 0) {
        await project(store, readModel, { cut: sizes([before]), batchesMax: 1 })
        expect((await readModel.checkpoint('meters')).position).toBe(String(before))
      }
      await store.close()
      deleteEvents(logFile, `position = ${missing}`)
      const damaged = new EmbeddedEventStore(logFile)
      await expect(project(damaged, readModel, { cut: everyEvent })).rejects.toMatchObject({
        name: 'EventStoreCorrupt',
        message: expect.stringMatching(/^Event \d+ of stream usage-.* stands where \d+ must be\./) as unknown,
      })
      const { position } = await readModel.checkpoint('meters')
      expect(Number(position)).toBeLessThan(last)
      await damaged.close()
    })
  })
})

/** The projection itself, telling when it is given events. */
function watched(projection: Projection, tell: () => void): Projection {
  return {
    projection: projection.projection,
    schema: projection.schema,
    tables: projection.tables,
    apply: (events, rows) => {
      tell()
      return projection.apply(events, rows)
    },
  }
}
