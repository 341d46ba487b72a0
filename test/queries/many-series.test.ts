/**
 * A customer with more dimension combinations than are walked beside each other: nothing is left out of any answer. Also a
 * ledger with very many meters, and more records than one preview reads.
 */
import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { ExplainUsage, ExplainUsageHandler, type ExplanationRequest } from '../../src/queries/explain-usage.js'
import { GetCustomerUsage, GetCustomerUsageHandler } from '../../src/queries/get-customer-usage.js'
import {
  GetMeterEventSummaries,
  GetMeterEventSummariesHandler,
  type SummaryRequest,
} from '../../src/queries/get-meter-event-summaries.js'
import {
  ListUsageRecords,
  ListUsageRecordsHandler,
  type UsageRecordFilter,
} from '../../src/queries/list-usage-records.js'
import type { Meter } from '../../src/domain/meter-catalogue.js'
import { PAYLOAD_VALUE_LENGTH_MAX } from '../../src/domain/meter-event.js'
import type { UsageRecord } from '../../src/domain/usage-record.js'
import { PREVIEWED_CHARACTERS_MAX, PREVIEWED_RECORDS_MAX } from '../../src/queries/preview-history.js'
import { PreviewMeter, PreviewMeterHandler, type PreviewAnswer } from '../../src/queries/preview-meter.js'
import { SERIES_WALKED_MAX, seriesGrouping } from '../../src/queries/usage-series-of.js'
import { LongPageTurns, LongReadTurns, WholeMeterTurns } from '../../src/queries/read-turns.js'
import type { PageRequest } from '../../src/queries/page.js'
import type { Reader } from '../../src/queries/reader.js'
import type { ReadModel, RowReader } from '../../src/read-model/read-model.js'
import { meters, usageCells, usageSeries, type UsageSeriesRow } from '../../src/read-model/tables.js'
import { NOW } from '../controls.js'
import { historyMeters, opening, recordedEntry, usageEntry, writeLog, type Entry } from '../projections/history.js'
import { project, Workspace } from '../projections/projecting.js'
import { asking, contextOf, type Asked } from './asking.js'

const MINUTE = 60_000
const HOUR = 60 * MINUTE
const DAY = 24 * HOUR
const TODAY = Math.floor(NOW / DAY) * DAY
/** Combinations that have a record, before and behind all others in the order of dimension values: more than one block. */
const RECORDED = 1_200
const LISTED = 1_100
const COMBINATIONS = SERIES_WALKED_MAX + RECORDED
/** One of them was cancelled. */
const TOTAL = String(RECORDED - 1)
const CUSTOMER = 'cus_A'
/** The last one in the order of dimension values, and the last one recorded. */
const LAST = 'za-1'

const meter = historyMeters.find(({ eventName }) => eventName === 'sum_raw_by')!
const context = contextOf(meter.ledger)
const whole = { limit: 10, startingAfter: null, endingBefore: null }
const request: SummaryRequest = {
  meterId: meter.meterId,
  customer: CUSTOMER,
  start: TODAY,
  end: TODAY + DAY,
  window: null,
  filters: {},
  groupBy: [],
}

const allRecords: UsageRecordFilter = {
  meterId: null,
  eventName: null,
  customer: null,
  identifier: null,
  status: null,
  occurred: { from: null, to: null },
  recorded: { from: null, to: null },
}

const payloadOf = (region: string): UsageRecord['payload'] => ({ region, ['__proto__']: '' })

/** More combinations than are walked. A record of each would take most of the time and show nothing more. */
async function addCombinations(readModel: ReadModel): Promise<void> {
  const [row] = await readModel.get(meters, [[meter.meterId]], 'meterId')
  const series = Array.from({ length: SERIES_WALKED_MAX }, (_, index): UsageSeriesRow => ({
    series: 1 + index,
    meter: row!.number,
    customer: CUSTOMER,
    dimensions: JSON.stringify([`eu-${index}`, '']),
  }))
  await readModel.write((rows) => rows.put(usageSeries, series))
}

function usage(): Entry[] {
  const entries: Entry[] = []
  for (let n = 0; n < RECORDED; n++) {
    const region = n === RECORDED - 1 ? LAST : n % 2 === 0 ? `at-${n}` : `us-${n}`
    entries.push(recordedEntry(meter, `id-${n}`, { payload: payloadOf(region) }))
    // Another customer's records stand between them.
    const other = { customer: 'cus B', payload: payloadOf(region) }
    if (n % 10 === 0) entries.push(recordedEntry(meter, `other-${n}`, other))
  }
  entries.push(cancelledEntry(entries[0]!))
  return entries
}

function cancelledEntry({ event }: Entry): Entry {
  return usageEntry(meter, { type: 'UsageCancelled', data: { ...(event.data as UsageRecord), cancelledAt: NOW } })
}

let workspace: Workspace
beforeAll(() => {
  workspace = new Workspace()
})
afterAll(() => workspace.remove())

it('Every combination is in the answers about one customer, and other work is let in between', async () => {
  await asking(workspace, opening([meter]), async (asked) => {
    await addCombinations(asked.readModel)
    await writeLog(asked.store, usage())
    await project(asked.store, asked.readModel)
    await isSummedUp(asked)
    await isListed(asked)
    await isPreviewed(asked)
    await isExplained(asked)
  })
})

it('A customer is asked for on every meter of a ledger that has very many, and other work is let in between', async () => {
  await asking(workspace, [...opening([meter]), recordedEntry(meter, 'id-1')], async ({ reader, readModel }) => {
    const [row] = await readModel.get(meters, [[meter.meterId]], 'meterId')
    const more = Array.from({ length: 2_000 }, (_, n) => ({
      ...row!,
      number: 1_000 + n,
      meterId: `mtr_test_more_${n}`,
    }))
    await readModel.write((rows) => rows.put(meters, more))
    const usage = new GetCustomerUsageHandler(reader, new LongReadTurns())
    const asked = { customer: CUSTOMER, start: TODAY, end: TODAY + DAY }
    const turns = await turnsOfOthers(async () => {
      const { result } = await usage.execute(new GetCustomerUsage(context, asked, null))
      expect(result.map(({ meter: { id } }) => id)).toEqual([meter.meterId])
    })
    expect(turns).toBeGreaterThan(more.length / 100)
    // Meters may be large, so there are never many of them in memory.
    let most = 0
    const watching = watched(reader, readModel, (found) => (most = Math.max(most, found)))
    await new GetCustomerUsageHandler(watching, new LongReadTurns()).execute(new GetCustomerUsage(context, asked, null))
    const filter = { ...allRecords, customer: CUSTOMER }
    const list = new ListUsageRecords(context, filter, whole)
    const { items } = (
      await new ListUsageRecordsHandler(watching, new LongReadTurns(), new LongPageTurns()).execute(list)
    ).result
    expect(items).toMatchObject([{ identifier: 'id-1' }])
    expect(most).toBeLessThan(more.length / 10)
  })
})

it('Of many combinations by many hours, only so many cells are read as a page needs', async () => {
  await asking(workspace, opening([meter]), async ({ reader, readModel }) => {
    const [row] = await readModel.get(meters, [[meter.meterId]], 'meterId')
    const combinations = Array.from({ length: 100 }, (_, n) => n)
    const hours = Array.from({ length: 500 }, (_, n) => TODAY + n * HOUR)
    const series = combinations.map((n) => ({
      series: 1 + n,
      meter: row!.number,
      customer: CUSTOMER,
      dimensions: JSON.stringify([`eu-${n}`, '']),
    }))
    await readModel.write(async (rows) => {
      await rows.put(usageSeries, series)
      for (const each of series) {
        const cell = { series: each.series, size: HOUR, records: 1, state: '1', firstSequence: 1, changedSequence: 1 }
        await rows.add(
          usageCells,
          hours.map((start) => ({ ...cell, start })),
        )
      }
    })
    let read = 0
    const watching = watched(reader, readModel, (found) => (read += found))
    const summaries = new GetMeterEventSummariesHandler(watching, new LongReadTurns())
    const asked = { ...request, end: TODAY + 500 * HOUR, window: 'hour' as const, groupBy: ['region'] }
    const page = async (change: Partial<PageRequest>) => {
      read = 0
      const query = new GetMeterEventSummaries(context, asked, { ...whole, limit: 150, ...change })
      const { items, hasMore } = (await summaries.execute(query)).result
      expect(hasMore).toBe(true)
      expect(read).toBeLessThan((combinations.length * hours.length) / 2)
      return items.map(({ id, start, dimensions }) => ({ id, name: `${start} ${dimensions!.region}` }))
    }
    const names = combinations.map((n) => `eu-${n}`).sort()
    const newest = [...hours].reverse().flatMap((start) => names.map((name) => `${start} ${name}`))
    const first = await page({})
    const second = await page({ startingAfter: first.at(-1)!.id })
    expect([...first, ...second].map(({ name }) => name)).toEqual(newest.slice(0, 300))
    expect(await page({ endingBefore: second[50]!.id })).toEqual([...first.slice(50), ...second.slice(0, 50)])
  })
})

it('Groups by long values are refused before they are more than fits into memory', () => {
  const groups = seriesGrouping({ ...meter, dimensionKeys: ['note'] } as unknown as Meter, {
    filters: {},
    groupBy: ['note'],
  }).begin()
  const added = (series: number, length: number): void => {
    const dimensions = JSON.stringify([String(series).padEnd(length, 'x')])
    groups.add({ series, meter: 1, customer: CUSTOMER, dimensions })
  }
  for (let series = 1; series <= 30_000; series++) added(series, 500)
  expect(() => {
    for (let series = 30_001; series <= 40_000; series++) added(series, 500)
  }).toThrow(expect.objectContaining({ code: 'parameter_invalid', param: 'dimension_group_by_keys' }))
})

it('A history too long for one preview is read up to a record, and both sides are of that moment', async () => {
  const record = (n: number, occurredAt: number): Entry => recordedEntry(meter, `id-${n}`, { occurredAt })
  const entries = [record(0, NOW)]
  // Of the day before: they are read, and do not count.
  for (let n = 1; n < PREVIEWED_RECORDS_MAX - 1; n++) entries.push(record(n, TODAY - MINUTE))
  const [last, next] = [record(PREVIEWED_RECORDS_MAX - 1, NOW), record(PREVIEWED_RECORDS_MAX, NOW)]
  // Cancelled after the last record that is read.
  entries.push(last, next, cancelledEntry(entries[0]!))
  await asking(workspace, [...opening([meter]), ...entries], async (asked) => {
    const { customers, reached } = await preview(asked)
    expect(reached).toMatchObject({ identifier: `id-${PREVIEWED_RECORDS_MAX - 1}` })
    expect(customers).toMatchObject([{ customer: CUSTOMER, value: '2', compared: { value: '2', difference: '0' } }])
  })
})

it('A history of payloads too long for one preview is read up to a record, too', async () => {
  const notes = Array.from({ length: 40 }, (_, n) => [`note ${n}`, 'x'.repeat(PAYLOAD_VALUE_LENGTH_MAX)])
  const payload = { ...payloadOf('eu'), ...(Object.fromEntries(notes) as UsageRecord['payload']) }
  const record = (n: number, occurredAt: number): Entry => recordedEntry(meter, `id-${n}`, { occurredAt, payload })
  const kept = Math.ceil(PREVIEWED_CHARACTERS_MAX / JSON.stringify(payload).length)
  const entries = Array.from({ length: kept + 2 }, (_, n) => record(n, n === 0 ? TODAY - MINUTE : NOW))
  await asking(workspace, [...opening([meter]), ...entries], async (asked) => {
    const { customers, reached } = await preview(asked)
    // The first one is of the day before, and not kept.
    expect(reached).toMatchObject({ identifier: `id-${kept}` })
    const value = String(kept)
    expect(customers).toMatchObject([{ customer: CUSTOMER, value, compared: { value, difference: '0' } }])
  })
})

async function isSummedUp({ reader }: Asked): Promise<void> {
  const summaries = new GetMeterEventSummariesHandler(reader, new LongReadTurns())
  const ask = async (change: Partial<SummaryRequest>, page = {}) => {
    const query = new GetMeterEventSummaries(context, { ...request, ...change }, { ...whole, ...page })
    const { items, hasMore } = (await summaries.execute(query)).result
    return { values: items.map(({ value }) => value), items, hasMore }
  }
  const turns = await turnsOfOthers(async () => {
    expect(await ask({})).toMatchObject({ values: [TOTAL] })
  })
  expect(turns).toBeGreaterThan(COMBINATIONS / 1000)
  expect(await ask({ window: 'day' })).toMatchObject({ values: [TOTAL] })
  expect(await ask({ filters: { region: LAST } })).toMatchObject({ values: ['1'] })
  await expect(ask({ groupBy: ['region'] })).rejects.toMatchObject({ param: 'dimension_group_by_keys' })
  expect(await ask({ groupBy: ['region'], filters: { region: LAST } })).toMatchObject({ values: ['1'] })
}

async function isListed({ reader }: Asked): Promise<void> {
  const filter = { ...allRecords, meterId: meter.meterId, customer: CUSTOMER }
  const { result } = await new ListUsageRecordsHandler(reader, new LongReadTurns(), new LongPageTurns()).execute(
    new ListUsageRecords(context, filter, { ...whole, limit: LISTED }),
  )
  const newest = Array.from({ length: LISTED }, (_, index) => `id-${RECORDED - 1 - index}`)
  expect(result.items.map(({ identifier }) => identifier)).toEqual(newest)
  expect(result.hasMore).toBe(true)
}

async function isPreviewed(asked: Asked): Promise<void> {
  const { customers, reached } = await preview(asked)
  expect(reached).toBeNull()
  expect(customers).toMatchObject([{ customer: CUSTOMER, value: TOTAL, compared: { value: TOTAL, difference: '0' } }])
}

/** What the customer's usage of today comes to without dimensions, beside what it came to. */
async function preview({ reader }: Asked): Promise<PreviewAnswer> {
  const { ledger: _ledger, ...configuration } = { ...meter, dimensionKeys: [] }
  const { eventName } = meter
  const history = { type: 'history' as const, eventName, customer: CUSTOMER, start: TODAY, end: TODAY + DAY }
  const query = new PreviewMeter(context, configuration, history, null, meter.meterId)
  return (await new PreviewMeterHandler(reader, new WholeMeterTurns()).execute(query)).result
}

async function isExplained({ reader }: Asked): Promise<void> {
  const explain = async (filters: ExplanationRequest['filters']) => {
    const asked = { meterId: meter.meterId, customer: CUSTOMER, start: TODAY, end: TODAY + DAY, filters }
    return (
      await new ExplainUsageHandler(reader, new LongReadTurns()).execute(
        new ExplainUsage(context, asked, whole, () => null),
      )
    ).result
  }
  await expect(explain({})).rejects.toMatchObject({ code: 'parameter_invalid', param: 'dimension_filters' })
  expect(await explain({ region: LAST })).toMatchObject({
    summary: { value: '1' },
    records: { items: [{ contribution: '1', runningTotal: '1' }], hasMore: false },
  })
}

/** Tells how many rows each look at ranges found. */
function watched(reader: Reader, readModel: ReadModel, onRead: (found: number) => void): Reader {
  const told = (rows: RowReader): RowReader =>
    Object.create(rows, {
      range: {
        value: async (...asked: Parameters<RowReader['range']>) => {
          const found = await rows.range(...asked)
          onRead(found.length)
          return found
        },
      },
      valuesOfEach: {
        value: async (...asked: Parameters<RowReader['valuesOfEach']>) => {
          const found = await rows.valuesOfEach(...asked)
          onRead(found.flat().length)
          return found
        },
      },
    }) as RowReader
  const snapshot: ReadModel['snapshot'] = (look, signal) => readModel.snapshot((rows) => look(told(rows)), signal)
  return Object.create(reader, {
    readModel: { value: Object.create(readModel, { snapshot: { value: snapshot } }) },
  }) as Reader
}

/** How often others had their turn meanwhile. */
async function turnsOfOthers(work: () => Promise<void>): Promise<number> {
  let turns = 0
  let isDone = false
  const others = (async () => {
    for (; !isDone; turns++) await nextTurn()
  })()
  await work()
  isDone = true
  await others
  return turns
}
