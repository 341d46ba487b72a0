/** Which questions take turns, so that not all snapshots are theirs, and how. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { LedgerName } from '../../src/domain/ledger.js'
import { Overloaded } from '../../src/overloaded.js'
import { ExplainUsage, ExplainUsageHandler } from '../../src/queries/explain-usage.js'
import { FindOpenRejections, FindOpenRejectionsHandler } from '../../src/queries/find-open-rejections.js'
import { GetCustomerUsage, GetCustomerUsageHandler } from '../../src/queries/get-customer-usage.js'
import { GetMeterEventSummaries, GetMeterEventSummariesHandler } from '../../src/queries/get-meter-event-summaries.js'
import { GetMeterUsage, GetMeterUsageHandler } from '../../src/queries/get-meter-usage.js'
import { GetUsageByCustomer, GetUsageByCustomerHandler } from '../../src/queries/get-usage-by-customer.js'
import { ListRejections, ListRejectionsHandler } from '../../src/queries/list-rejections.js'
import { ListUsageRecords, ListUsageRecordsHandler } from '../../src/queries/list-usage-records.js'
import { PreviewMeter, PreviewMeterHandler, type PreviewSource } from '../../src/queries/preview-meter.js'
import {
  LONG_READS_MAX,
  LONG_READS_WAITING_MAX,
  LongReadTurns,
  WHOLE_METER_QUESTIONS_MAX,
  WHOLE_METER_WAITING_MAX,
  WholeMeterTurns,
} from '../../src/queries/read-turns.js'
import { NOW } from '../controls.js'
import { historyMeters, LEDGERS, opening, recordedEntry } from '../projections/history.js'
import { Workspace } from '../projections/projecting.js'
import { asking } from './asking.js'

const forEver = new AbortController().signal
const [LEDGER, OTHER_LEDGER] = LEDGERS as readonly [LedgerName, LedgerName]

let workspace: Workspace
beforeAll(() => {
  workspace = new Workspace()
})
afterAll(() => workspace.remove())

describe('Questions that read much', () => {
  it('take turns, and too many are told to come later', async () => {
    const turns = new WholeMeterTurns()
    const finish: (() => void)[] = []
    const ask = (signal = forEver): Promise<void> =>
      turns.take(LEDGER, signal, () => new Promise((resolve) => finish.push(resolve)))
    const running = Array.from({ length: WHOLE_METER_QUESTIONS_MAX }, () => ask())
    const leaving = new AbortController()
    const gone = ask(leaving.signal)
    const waiting = Array.from({ length: WHOLE_METER_WAITING_MAX - 1 }, () => ask())
    await expect(ask()).rejects.toThrow(Overloaded)
    expect(finish).toHaveLength(WHOLE_METER_QUESTIONS_MAX)
    leaving.abort(new Error('gone'))
    const answered = Promise.all([...running, ...waiting])
    finish.shift()!()
    await expect(gone).rejects.toThrow('gone')
    for (let left = running.length + waiting.length - 1; left > 0; left--) {
      expect(finish.length).toBeLessThanOrEqual(WHOLE_METER_QUESTIONS_MAX)
      finish.shift()!()
      await nextTurn()
    }
    await answered
    expect(await turns.take(LEDGER, forEver, () => Promise.resolve('free again'))).toBe('free again')
  })

  it('wait longer in a ledger that asks much than in one that asks little', async () => {
    const turns = new LongReadTurns()
    const finish: (() => void)[] = []
    const begun: string[] = []
    const ask = (ledger: LedgerName): Promise<void> =>
      turns.take(ledger, forEver, () => {
        begun.push(ledger)
        return new Promise((resolve) => finish.push(resolve))
      })
    const asked = [...Array.from({ length: LONG_READS_MAX + 3 }, () => ask(LEDGER)), ask(OTHER_LEDGER)]
    for (let ended = 0; ended < asked.length; ended++) {
      finish.shift()!()
      await nextTurn()
    }
    await Promise.all(asked)
    expect(begun.indexOf(OTHER_LEDGER)).toBe(LONG_READS_MAX)
  })

  it('are those that may, and no others', async () => {
    const meter = historyMeters[0]!
    await asking(workspace, [...opening([meter]), recordedEntry(meter, 'id-0')], async ({ reader }) => {
      const longReads = new LongReadTurns()
      const wholeMeters = new WholeMeterTurns()
      const never = new Promise<void>(() => undefined)
      for (let n = 0; n < LONG_READS_MAX + LONG_READS_WAITING_MAX; n++)
        void longReads.take(LEDGER, forEver, () => never)
      for (let n = 0; n < WHOLE_METER_QUESTIONS_MAX + WHOLE_METER_WAITING_MAX; n++) {
        void wholeMeters.take(LEDGER, forEver, () => never)
      }
      const context = { ledger: meter.ledger, minPosition: null }
      const page = { limit: 10, startingAfter: null, endingBefore: null }
      const interval = { start: NOW, end: NOW + 60_000 }
      const day = { start: 0, end: 86_400_000 }
      const asOf = { type: 'sequence', sequence: 1 } as const
      const summaries = { meterId: meter.meterId, customer: 'cus_A', filters: {}, ...interval }
      const none = { from: null, to: null }
      const records = { meterId: null, eventName: null, customer: null, identifier: null, status: null }
      const rejections = { meterId: null, eventName: null, code: null, identifier: null, status: null, received: none }

      const summarize = (asked: typeof asOf | null) =>
        new GetMeterEventSummariesHandler(reader, longReads).execute(
          new GetMeterEventSummaries(context, { ...summaries, window: null, groupBy: [] }, page, asked),
        )
      const list = (filter: object, asked: typeof asOf | null = null) =>
        new ListUsageRecordsHandler(reader, longReads).execute(
          new ListUsageRecords(context, { ...records, occurred: none, recorded: none, ...filter }, page, asked),
        )
      const listRejections = (filter: object) =>
        new ListRejectionsHandler(reader, longReads).execute(
          new ListRejections(context, { ...rejections, ...filter }, page),
        )
      const preview = (source: PreviewSource) =>
        new PreviewMeterHandler(reader, wholeMeters).execute(new PreviewMeter(context, meter, source, null, null))
      const history = { type: 'history', eventName: meter.eventName, customer: null, ...interval } as const

      const long = [
        () => summarize(asOf),
        () => list({}, asOf),
        () => list({ customer: 'cus_A' }),
        () => list({ status: 'cancelled' }),
        () => list({ occurred: { from: NOW, to: null } }),
        () => list({ recorded: { from: null, to: NOW } }),
        () => listRejections({ code: 'no_meter' }),
        () => listRejections({ status: 'open', eventName: meter.eventName }),
        () => listRejections({ received: { from: NOW, to: null } }),
        () =>
          new FindOpenRejectionsHandler(reader, longReads).execute(
            new FindOpenRejections(context, rejections, null, 1),
          ),
        () =>
          new ExplainUsageHandler(reader, longReads).execute(new ExplainUsage(context, summaries, page, () => null)),
        () =>
          new GetCustomerUsageHandler(reader, longReads).execute(
            new GetCustomerUsage(context, { customer: 'cus_A', ...interval }, null, forEver),
          ),
        () => preview(history),
        () =>
          new GetMeterUsageHandler(reader, wholeMeters).execute(
            new GetMeterUsage(context, { ...summaries, ...day, window: 'day', groupBy: [] }, null, forEver),
          ),
        () =>
          new GetUsageByCustomerHandler(reader, wholeMeters).execute(
            new GetUsageByCustomer(
              context,
              { ...summaries, order: 'customer', search: null },
              { limit: 1, startingAfter: null },
              null,
              forEver,
            ),
          ),
      ]
      for (const ask of long) await expect(ask()).rejects.toThrow(Overloaded)

      const short = [
        () => summarize(null),
        () => list({}),
        () => list({ meterId: meter.meterId }),
        () => list({ identifier: 'id-0', status: 'recorded' }),
        () => listRejections({}),
        () => listRejections({ status: 'open' }),
        () => preview({ type: 'samples', samples: [], at: NOW }),
      ]
      for (const ask of short) await ask()
    })
  })
})
