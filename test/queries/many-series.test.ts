/** A customer with more dimension combinations than are walked beside each other: nothing is left out of any answer. */
import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { ExplainUsage, ExplainUsageHandler, type ExplanationRequest } from '../../src/queries/explain-usage.js'
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
import type { UsageRecord } from '../../src/domain/usage-record.js'
import { PreviewMeter, PreviewMeterHandler } from '../../src/queries/preview-meter.js'
import { SERIES_WALKED_MAX } from '../../src/queries/usage-series-of.js'
import { LongReadTurns, WholeMeterTurns } from '../../src/queries/read-turns.js'
import { NOW } from '../controls.js'
import {
  historyMeters,
  opening,
  recordedEntry,
  usageEntry,
  type Entry,
  type HistoryMeter,
} from '../projections/history.js'
import { Workspace } from '../projections/projecting.js'
import { asking, type Asked } from './asking.js'

const MINUTE = 60_000
const DAY = 24 * 60 * MINUTE
const TODAY = Math.floor(NOW / DAY) * DAY
const MORE = 50
const COMBINATIONS = SERIES_WALKED_MAX + MORE
/** One of them was cancelled. */
const TOTAL = String(COMBINATIONS - 1)
const CUSTOMER = 'cus_A'
/** The last one in the order of dimension values, and the last one recorded. */
const LAST = 'us-9'

const meter = historyMeters.find(({ eventName }) => eventName === 'sum_raw_by')!
const context = { ledger: meter.ledger, minPosition: null }
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

function history(): Entry[] {
  const entries = opening([meter])
  for (let n = 0; n < COMBINATIONS; n++) {
    const region = n === COMBINATIONS - 1 ? LAST : `eu-${n}`
    entries.push(recordedEntry(meter, `id-${n}`, { payload: { region, ['__proto__']: '' } }))
    // Another customer's records stand between them.
    if (n % 1000 === 0) {
      const payload = { region, ['__proto__']: '' }
      entries.push(recordedEntry(meter, `other-${n}`, { customer: 'cus B', payload }))
    }
  }
  // Cancelled after the last record that a preview reads.
  entries.push(
    cancelledEntry(
      meter,
      entries.find(({ event }) => event.type === 'UsageRecorded')!,
    ),
  )
  return entries
}

function cancelledEntry(of: HistoryMeter, { event }: Entry): Entry {
  return usageEntry(of, { type: 'UsageCancelled', data: { ...(event.data as UsageRecord), cancelledAt: NOW } })
}

let workspace: Workspace
beforeAll(() => {
  workspace = new Workspace()
})
afterAll(() => workspace.remove())

it('Every combination is in the answers about one customer, and other work is let in between', async () => {
  await asking(workspace, history(), async (asked) => {
    await isSummedUp(asked)
    await isListed(asked)
    await isPreviewed(asked)
    await isExplained(asked)
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
  const filter: UsageRecordFilter = {
    meterId: meter.meterId,
    eventName: null,
    customer: CUSTOMER,
    identifier: null,
    status: null,
    occurred: { from: null, to: null },
    recorded: { from: null, to: null },
  }
  const { result } = await new ListUsageRecordsHandler(reader, new LongReadTurns()).execute(
    new ListUsageRecords(context, filter, { ...whole, limit: 2000 }),
  )
  const newest = Array.from({ length: 2000 }, (_, index) => `id-${COMBINATIONS - 1 - index}`)
  expect(result.items.map(({ identifier }) => identifier)).toEqual(newest)
  expect(result.hasMore).toBe(true)
}

async function isPreviewed({ reader }: Asked): Promise<void> {
  const { ledger: _ledger, ...configuration } = { ...meter, dimensionKeys: [] }
  const history = { type: 'history' as const, eventName: meter.eventName, customer: CUSTOMER }
  const preview = async (end: number) => {
    const query = new PreviewMeter(context, configuration, { ...history, start: TODAY, end }, null, meter.meterId)
    return (await new PreviewMeterHandler(reader, new WholeMeterTurns()).execute(query)).result
  }
  const { customers, reached } = await preview(TODAY + DAY)
  // Read as far as one answer goes, and both sides are of that moment.
  expect(reached).not.toBeNull()
  expect(customers).toMatchObject([{ customer: CUSTOMER, compared: { difference: '0' } }])
  expect(customers[0]?.value).toBe(customers[0]?.compared?.value)
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
