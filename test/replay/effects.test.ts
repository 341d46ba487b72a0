/** What each event did, as an audit tells it: on every history it must add up to the numbers there are. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { formulas } from '../../src/domain/aggregation.js'
import { formatDecimal, parseDecimal } from '../../src/domain/decimal.js'
import { bucketMs, HOUR_MS, MINUTE_MS } from '../../src/domain/time-bucket.js'
import type { EventStore } from '../../src/event-store/event-store.js'
import { cellsTable } from '../../src/projections/cell-tables.js'
import { toMeter } from '../../src/projections/meters.js'
import type { ProjectedEvent, Projection } from '../../src/projections/projection.js'
import { allProjections } from '../../src/projections/projections.js'
import { EmbeddedReadModel } from '../../src/read-model/embedded-read-model.js'
import type { ReadModel, RowReader } from '../../src/read-model/read-model.js'
import { meters, usageSeries } from '../../src/read-model/tables.js'
import { EFFECTS_MAX, EffectWatcher, type Effect } from '../../src/replay/effects.js'
import { Refold } from '../../src/replay/refold.js'
import type { Selection } from '../../src/replay/row-scope.js'
import { NOW } from '../controls.js'
import {
  histories,
  historyMeters,
  opening,
  recordedEntry,
  usageEntry,
  writeLog,
  type Entry,
  type HistoryMeter,
} from '../projections/history.js'
import { Workspace } from '../projections/projecting.js'

let workspace: Workspace
beforeAll(() => {
  workspace = new Workspace()
})
afterAll(() => workspace.remove())

const everything: Selection = { ledger: null, meterId: null, customer: null, from: null, to: null }

interface Watching {
  readonly selection?: Partial<Selection>
  readonly effectsMax?: number
  /** Usage events after which a batch ends. */
  readonly cuts?: readonly number[]
  readonly projections?: readonly Projection[]
}

/** The effects, how many events were selected, and whatever `then` reads of the rows. */
async function watch<Result>(
  store: EventStore,
  { selection, effectsMax = EFFECTS_MAX, cuts = [], projections = allProjections(() => undefined) }: Watching,
  then: (rows: ReadModel) => Promise<Result>,
): Promise<{ effects: Effect[]; count: number; result: Result }> {
  const scratch = new EmbeddedReadModel(workspace.file('scratch.db'), 'scratch')
  try {
    await scratch.prepare(projections)
    const effects: Effect[] = []
    const watcher = new EffectWatcher({ ...everything, ...selection }, (effect) => effects.push(effect), effectsMax)
    const refold = new Refold(store, scratch, projections, {
      signal: new AbortController().signal,
      onContradiction: () => undefined,
      onProgress: () => undefined,
      watcher,
    })
    for (const sequence of [...cuts, null]) await refold.to({ position: null, sequence })
    return { effects, count: watcher.count, result: await then(scratch) }
  } finally {
    await scratch.close()
  }
}

async function ofHistory(entries: readonly Entry[], watching: Watching): Promise<Effect[]> {
  return workspace.withStore(async (store) => {
    await writeLog(store, entries)
    return (await watch(store, watching, async () => undefined)).effects
  })
}

/** Of every bucket of every meter that has any: where it is, and what it comes to. */
async function bucketsOf(rows: RowReader): Promise<Map<string, string>> {
  const buckets = new Map<string, string>()
  const all = { limit: Number.MAX_SAFE_INTEGER }
  const series = await rows.range(usageSeries, all)
  for (const row of await rows.range(meters, all)) {
    const meter = toMeter(row)
    const formula = formulas[meter.formula]
    const size = bucketMs[meter.eventTimeWindow ?? 'minute']
    for (const cell of await rows.range(cellsTable(meter), all)) {
      const its = series.find(({ series }) => series === cell.series)
      if (its?.meter !== row.number || cell.size !== size) continue
      const key = JSON.stringify([meter.id, its.customer, its.dimensions, cell.start])
      buckets.set(key, formatDecimal(formula.value(formula.decode(cell.state))))
    }
  }
  return buckets
}

const keyOf = ({ meterId, customer, start }: Effect, dimensions: string): string =>
  JSON.stringify([meterId, customer, dimensions, start])

describe('What each event did', () => {
  it('adds up to what every bucket comes to, wherever batches are cut, on a meter of any kind', () =>
    fc.assert(
      fc.asyncProperty(histories(80), fc.uniqueArray(fc.nat({ max: 60 }), { maxLength: 4 }), async (entries, cuts) => {
        await workspace.withStore(async (store) => {
          await writeLog(store, entries)
          const sorted = cuts.sort((left, right) => left - right)
          const { effects, count, result } = await watch(store, { cuts: sorted }, bucketsOf)
          expect(count).toBe(effects.length)
          const dimensionsOf = new Map<string, string>()
          for (const { event } of entries) {
            if (event.type !== 'UsageRecorded') continue
            const { meterId, identifier, payload } = event.data
            const { dimensionKeys } = historyMeters.find((meter) => meter.meterId === meterId) as HistoryMeter
            const key = `${meterId} ${identifier}`
            if (!dimensionsOf.has(key))
              dimensionsOf.set(key, JSON.stringify(dimensionKeys.map((of) => payload[of] ?? '')))
          }
          const reached = new Map<string, string>()
          for (const effect of effects) {
            const dimensions = dimensionsOf.get(`${effect.meterId} ${effect.identifier}`) as string
            const key = keyOf(effect, dimensions)
            expect(effect.before).toBe(reached.get(key) ?? '0')
            reached.set(key, effect.after)
          }
          expect(reached).toEqual(result)
        })
      }),
      { numRuns: 40 },
    ))

  it('is the same whatever is selected, and nothing of what is not', () =>
    fc.assert(
      fc.asyncProperty(
        histories(60),
        fc.constantFrom(0, HOUR_MS / 2, MINUTE_MS, -MINUTE_MS / 2),
        fc.constantFrom('cus_A', null),
        async (entries, offset, customer) => {
          const selection = { customer, from: NOW + offset, to: NOW + offset + HOUR_MS }
          const [all, selected] = [await ofHistory(entries, {}), await ofHistory(entries, { selection })]
          const isOf = ({ occurredAt, customer: whose }: Effect): boolean =>
            occurredAt >= selection.from && occurredAt < selection.to && (customer === null || whose === customer)
          const plain = ({ position: _position, ...effect }: Effect): object => effect
          expect(selected.map(plain)).toEqual(all.filter(isOf).map(plain))
        },
      ),
      { numRuns: 20 },
    ))

  const meterOf = (formula: string, eventTimeWindow: string | null): HistoryMeter =>
    historyMeters.find(
      (meter) =>
        meter.formula === formula && meter.eventTimeWindow === eventTimeWindow && meter.dimensionKeys.length === 0,
    ) as HistoryMeter

  it('takes away the value of the event it overwrites, whose minute is another', async () => {
    const meter = meterOf('sum', 'hour')
    const hour = Math.floor(NOW / HOUR_MS) * HOUR_MS
    const [five, seven] = [
      recordedEntry(meter, 'five', { value: '5', occurredAt: hour + MINUTE_MS }),
      recordedEntry(meter, 'seven', { value: '7', occurredAt: hour + 40 * MINUTE_MS }),
    ]
    if (seven.event.type !== 'UsageRecorded') throw new Error('Not recorded.')
    const cancelled = usageEntry(meter, { type: 'UsageCancelled', data: { ...seven.event.data, cancelledAt: NOW } })
    const effects = await ofHistory([...opening([meter]), five, seven, cancelled], {})
    expect(effects.map(({ bucket, start, before, after }) => [bucket, start, before, after])).toEqual([
      ['hour', hour, '0', '5'],
      ['hour', hour, '5', '7'],
      ['hour', hour, '7', '5'],
    ])
    const sum = effects.reduce((total, { before, after }) => total + parseDecimal(after) - parseDecimal(before), 0n)
    expect(formatDecimal(sum)).toBe('5')
  })

  it('is told of the first events, of which all are counted', async () => {
    const meter = meterOf('sum', null)
    const entries = Array.from({ length: 7 }, (_, n) => recordedEntry(meter, `n-${n}`))
    await workspace.withStore(async (store) => {
      await writeLog(store, [...opening([meter]), ...entries])
      for (const cuts of [[], [2, 3, 5]]) {
        const { effects, count } = await watch(store, { effectsMax: 4, cuts }, async () => undefined)
        expect([effects.map(({ after }) => after), count]).toEqual([['1', '2', '3', '4'], 7])
      }
    })
  })

  it('is found without folding any event by itself', async () => {
    const meter = meterOf('last', 'day')
    const entries = Array.from({ length: 50 }, (_, n) => recordedEntry(meter, `n-${n}`, { value: String(n) }))
    const batches: number[] = []
    const counting = allProjections(() => undefined).map((projection) => {
      const apply = (events: readonly ProjectedEvent[], rows: Parameters<Projection['apply']>[1]): Promise<void> => {
        if (projection.projection === 'usage-index') batches.push(events.length)
        return projection.apply(events, rows)
      }
      return Object.create(projection, { apply: { value: apply } }) as Projection
    })
    await workspace.withStore(async (store) => {
      await writeLog(store, [...opening([meter]), ...entries])
      const { count } = await watch(store, { projections: counting }, async () => undefined)
      expect([count, batches]).toEqual([50, [52]])
    })
  })
})
