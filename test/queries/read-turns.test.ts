/** Which questions take turns, so that not all snapshots are theirs, and how. */
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals'
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
  LONG_PAGES_MAX,
  LONG_PAGES_WAITING_MAX,
  LONG_READS_MAX,
  LONG_READS_WAITING_MAX,
  LongPageTurns,
  LongReadTurns,
  SHORT_PAGE_ITEMS_MAX,
  TURNS_WAITING_MAX,
  WHOLE_METER_QUESTIONS_MAX,
  WHOLE_METER_WAITING_MAX,
  WholeMeterTurns,
  type ReadTurns,
} from '../../src/queries/read-turns.js'
import type { QueryContext } from '../../src/queries/reader.js'
import { ReadModelOutOfReach } from '../../src/read-model/read-model.js'
import { DIGESTS_MAX, GetDigest, GetDigestHandler } from '../../src/replay/get-digest.js'
import { NOW } from '../controls.js'
import { historyMeters, LEDGERS, opening, recordedEntry } from '../projections/history.js'
import { Workspace } from '../projections/projecting.js'
import { asking, contextOf } from './asking.js'

const forEver = new AbortController().signal
const [LEDGER, OTHER_LEDGER] = LEDGERS as readonly [LedgerName, LedgerName]

let workspace: Workspace
beforeAll(() => {
  workspace = new Workspace()
})
afterAll(() => workspace.remove())

/** Questions that each end when they are told to. */
class Questions {
  /** Ledgers, in the order in which their questions' turns began. */
  readonly begun: LedgerName[] = []
  private readonly finish: (() => void)[] = []

  constructor(private readonly turns: ReadTurns) {}

  ask(ledger: LedgerName, signal = forEver): Promise<void> {
    return this.turns.take(ledger, signal, () => {
      this.begun.push(ledger)
      return new Promise((resolve) => this.finish.push(resolve))
    })
  }

  askOften(ledger: LedgerName, times: number, signal = forEver): Promise<void>[] {
    return Array.from({ length: times }, () => this.ask(ledger, signal))
  }

  get running(): number {
    return this.finish.length
  }

  /** Ends the one that began first. */
  async endOne(): Promise<void> {
    this.finish.shift()!()
    await nextTurn()
  }

  async endAll(): Promise<void> {
    while (this.running > 0) await this.endOne()
  }
}

describe('Questions that read much', () => {
  it('take turns, and too many of a ledger are told to come later, but not those of another', async () => {
    const turns = new WholeMeterTurns()
    const questions = new Questions(turns)
    const asked = questions.askOften(LEDGER, WHOLE_METER_QUESTIONS_MAX + WHOLE_METER_WAITING_MAX)
    await expect(questions.ask(LEDGER)).rejects.toThrow(Overloaded)
    asked.push(questions.ask(OTHER_LEDGER))
    while (questions.running > 0) {
      expect(questions.running).toBeLessThanOrEqual(WHOLE_METER_QUESTIONS_MAX)
      await questions.endOne()
    }
    await Promise.all(asked)
    expect(await turns.take(LEDGER, forEver, () => Promise.resolve('free again'))).toBe('free again')
  })

  it('are so many at most, of all ledgers together', async () => {
    const questions = new Questions(new LongReadTurns())
    const ledgers = TURNS_WAITING_MAX / LONG_READS_WAITING_MAX
    const leaving = new AbortController()
    const asked = questions.askOften(LEDGER, LONG_READS_MAX)
    for (let n = 0; n < ledgers; n++) {
      asked.push(...questions.askOften(`other${n}~test`, LONG_READS_WAITING_MAX, leaving.signal))
    }
    await expect(questions.ask(OTHER_LEDGER)).rejects.toThrow(Overloaded)
    await questions.endOne()
    asked.push(questions.ask(OTHER_LEDGER, leaving.signal))
    expect(questions.begun).toHaveLength(LONG_READS_MAX + 1)
    const ended = Promise.allSettled(asked)
    leaving.abort(new Error('gone'))
    await questions.endAll()
    await ended
  })

  it('leave their places at once when their clients are gone', async () => {
    const questions = new Questions(new WholeMeterTurns())
    const running = questions.askOften(LEDGER, WHOLE_METER_QUESTIONS_MAX)
    const leaving = new AbortController()
    const gone = Promise.allSettled(questions.askOften(LEDGER, WHOLE_METER_WAITING_MAX, leaving.signal))
    leaving.abort(new Error('gone'))
    expect(new Set((await gone).map((each) => each.status === 'rejected' && String(each.reason)))).toEqual(
      new Set(['Error: gone']),
    )
    await expect(questions.ask(LEDGER, leaving.signal)).rejects.toThrow('gone')
    const waiting = questions.askOften(LEDGER, WHOLE_METER_WAITING_MAX)
    await expect(questions.ask(LEDGER)).rejects.toThrow(Overloaded)
    await questions.endAll()
    await Promise.all([...running, ...waiting])
    expect(questions.begun).toHaveLength(running.length + waiting.length)
  })

  it('are told to come later where their turn does not come in time, and keep no place', async () => {
    const questions = new Questions(new WholeMeterTurns(20))
    const running = questions.askOften(LEDGER, WHOLE_METER_QUESTIONS_MAX)
    const waiting = await Promise.allSettled(questions.askOften(LEDGER, WHOLE_METER_WAITING_MAX))
    expect(new Set(waiting.map((each) => each.status === 'rejected' && String(each.reason)))).toEqual(
      new Set(['ReadModelBusy: Other questions of its kind kept this one waiting for 20 ms.']),
    )
    await questions.endAll()
    await Promise.all(running)
    const again = questions.askOften(LEDGER, WHOLE_METER_QUESTIONS_MAX)
    await questions.endAll()
    await Promise.all(again)
  })

  it('are told all at once that the rows cannot be had, where no question found them for a while', async () => {
    const turns = new LongReadTurns()
    const silent = new ReadModelOutOfReach('silent')
    // The clock of who waits is the process's own, so it is set.
    let now = 0
    const clock = jest.spyOn(performance, 'now').mockImplementation(() => now)
    try {
      const asked = (ms: number, end: () => Promise<string>) => {
        let finish: () => void = () => undefined
        const answer = turns.take(LEDGER, forEver, async () => {
          await new Promise<void>((resolve) => (finish = resolve))
          return end()
        })
        answer.catch(() => undefined)
        return { answer, after: () => ((now += ms), finish()) }
      }
      const fails = (): Promise<never> => Promise.reject(silent)
      const answers = (): Promise<string> => Promise.resolve('rows')
      const waits = () => turns.take(LEDGER, forEver, answers)

      // One that fails at once, or while another one is answered, speaks for nobody.
      const [atOnce, slow] = [asked(1_000, fails), asked(10_000, answers)]
      const behind = [waits(), waits()]
      atOnce.after()
      await expect(atOnce.answer).rejects.toBe(silent)
      expect(await Promise.all(behind)).toEqual(['rows', 'rows'])
      const inVain = asked(10_000, fails)
      const behindThose = [waits(), waits()]
      slow.after()
      await slow.answer
      inVain.after()
      await expect(inVain.answer).rejects.toBe(silent)
      expect(await Promise.all(behindThose)).toEqual(['rows', 'rows'])

      const [one] = [asked(10_000, fails), asked(0, fails)]
      const all = [waits(), waits(), waits()]
      one.after()
      for (const each of [one.answer, ...all]) await expect(each).rejects.toBe(silent)
    } finally {
      clock.mockRestore()
    }
  })

  it('wait longer in ledgers that ask much than in one that asks little, however many those are', async () => {
    const questions = new Questions(new LongReadTurns())
    const busy: LedgerName[] = [LEDGER, 'second~live', 'third~test']
    const asked = Array.from({ length: 10 }, () => busy.map((ledger) => questions.ask(ledger))).flat()
    asked.push(questions.ask(OTHER_LEDGER))
    await questions.endAll()
    await Promise.all(asked)
    expect(questions.begun.indexOf(OTHER_LEDGER)).toBeLessThanOrEqual(LONG_READS_MAX + busy.length)
    // And the others one after the other.
    const ofBusy = questions.begun.filter((ledger) => ledger !== OTHER_LEDGER)
    for (const ledger of busy) expect(ofBusy.slice(0, 9).filter((each) => each === ledger)).toHaveLength(3)
  })

  it('hold no turn while they wait for the projections, nor wait for them when their clients are gone', async () => {
    const meter = historyMeters[0]!
    await asking(workspace, [...opening([meter]), recordedEntry(meter, 'id-0')], async ({ reader, store }) => {
      const turns = new LongReadTurns()
      const handler = new GetCustomerUsageHandler(reader, turns)
      const ask = (context: QueryContext) =>
        handler.execute(new GetCustomerUsage(context, { customer: 'cus_A', start: NOW, end: NOW + 60_000 }, null))
      const leaving = new AbortController()
      const ahead = {
        ledger: OTHER_LEDGER,
        minPosition: store.parsePosition('900000000000000'),
        signal: leaving.signal,
      }
      const waiting = Promise.allSettled(Array.from({ length: LONG_READS_MAX + 1 }, () => ask(ahead)))
      await ask(contextOf(LEDGER))
      leaving.abort(new Error('gone'))
      for (const each of await waiting) expect(each).toMatchObject({ reason: { message: 'gone' } })

      // The same for digests, of which none waits.
      const digests = new GetDigestHandler(reader)
      const digest = (context: QueryContext) =>
        digests.execute(
          new GetDigest(context, { meterId: null, customer: null, from: null, to: null, sequence: null }, null),
        )
      const going = new AbortController()
      const far = Promise.allSettled(
        Array.from({ length: DIGESTS_MAX }, () => digest({ ...ahead, signal: going.signal })),
      )
      await digest(contextOf(LEDGER))
      going.abort(new Error('gone'))
      for (const each of await far) expect(each).toMatchObject({ reason: { message: 'gone' } })
    })
  })

  it('are those that may, and no others', async () => {
    const meter = historyMeters[0]!
    await asking(workspace, [...opening([meter]), recordedEntry(meter, 'id-0')], async ({ reader }) => {
      const longReads = new LongReadTurns()
      const longPages = new LongPageTurns()
      const wholeMeters = new WholeMeterTurns()
      const never = new Promise<void>(() => undefined)
      const leaving = new AbortController()
      const fill = (turns: ReadTurns, places: number): void => {
        for (let n = 0; n < places; n++) turns.take(LEDGER, leaving.signal, () => never).catch(() => undefined)
      }
      fill(longReads, LONG_READS_MAX + LONG_READS_WAITING_MAX)
      fill(longPages, LONG_PAGES_MAX + LONG_PAGES_WAITING_MAX)
      fill(wholeMeters, WHOLE_METER_QUESTIONS_MAX + WHOLE_METER_WAITING_MAX)
      const context = contextOf(meter.ledger)
      const page = { limit: SHORT_PAGE_ITEMS_MAX, startingAfter: null, endingBefore: null }
      const interval = { start: NOW, end: NOW + 60_000 }
      const day = { start: 0, end: 86_400_000 }
      const asOf = { type: 'sequence', sequence: 1 } as const
      const summaries = { meterId: meter.meterId, customer: 'cus_A', filters: {}, ...interval }
      const none = { from: null, to: null }
      const records = { meterId: null, eventName: null, customer: null, identifier: null, status: null }
      const rejections = {
        meterId: null,
        eventName: null,
        code: null,
        identifier: null,
        customer: null,
        status: null,
        received: none,
      }

      const summarize = (asked: typeof asOf | null) =>
        new GetMeterEventSummariesHandler(reader, longReads).execute(
          new GetMeterEventSummaries(context, { ...summaries, window: null, groupBy: [] }, page, asked),
        )
      const list = (filter: object, asked: typeof asOf | null = null, limit = page.limit) =>
        new ListUsageRecordsHandler(reader, longReads, longPages).execute(
          new ListUsageRecords(
            context,
            { ...records, occurred: none, recorded: none, ...filter },
            { ...page, limit },
            asked,
          ),
        )
      const listRejections = (filter: object, limit = page.limit) =>
        new ListRejectionsHandler(reader, longReads, longPages).execute(
          new ListRejections(context, { ...rejections, ...filter }, { ...page, limit }),
        )
      const preview = (source: PreviewSource) =>
        new PreviewMeterHandler(reader, wholeMeters).execute(new PreviewMeter(context, meter, source, null, null))
      const history = { type: 'history', eventName: meter.eventName, customer: null, ...interval } as const

      const long = [
        () => summarize(asOf),
        () => list({}, asOf),
        () => list({ customer: 'cus_A' }),
        () => list({ status: 'cancelled' }),
        () => list({}, null, SHORT_PAGE_ITEMS_MAX + 1),
        () => listRejections({}, SHORT_PAGE_ITEMS_MAX + 1),
        () => list({ occurred: { from: NOW, to: null } }),
        () => list({ recorded: { from: null, to: NOW } }),
        () => listRejections({ code: 'no_meter' }),
        () => listRejections({ customer: 'cus_A' }),
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
            new GetCustomerUsage(context, { customer: 'cus_A', ...interval }, null),
          ),
        () => preview(history),
        () =>
          new GetMeterUsageHandler(reader, wholeMeters).execute(
            new GetMeterUsage(context, { ...summaries, ...day, window: 'day', groupBy: [] }, null),
          ),
        () =>
          new GetUsageByCustomerHandler(reader, wholeMeters).execute(
            new GetUsageByCustomer(
              context,
              { ...summaries, order: 'customer', search: null },
              { limit: 1, startingAfter: null },
              null,
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
      leaving.abort(new Error('gone'))
    })
  })
})
