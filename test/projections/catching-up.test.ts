/** What an operator reads in the log while a start folds what it has not. */
import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { EventEmitter, once } from 'node:events'
import { pino } from 'pino'
import { reportCatchingUp } from '../../src/catching-up.js'
import { ReadYourWrites, type Progress } from '../../src/event-store/read-your-writes.js'
import { allProjections } from '../../src/projections/projections.js'
import type { ReadModel } from '../../src/read-model/read-model.js'
import { FixedStopwatch } from '../running-service.js'
import { Workspace } from './projecting.js'

let workspace: Workspace
beforeAll(() => {
  workspace = new Workspace()
})
afterAll(() => workspace.remove())

type Line = Readonly<Record<string, unknown>>

/** Lines of a log, and when there is another one. */
class Lines extends EventEmitter {
  readonly all: Line[] = []
  readonly log = pino({ base: null, timestamp: false }, { write: (text) => this.take(JSON.parse(text) as Line) })

  async until(wanted: (line: Line) => boolean): Promise<Line> {
    for (;;) {
      const found = this.all.find(wanted)
      if (found) return found
      await once(this, 'line')
    }
  }

  private take(line: Line): void {
    this.all.push(line)
    this.emit('line')
  }
}

const FOLLOWING = 'The read model is catching up with the log; usage is taken once it has.'
const all = allProjections(() => undefined)

async function setSequences(readModel: ReadModel, sequenceOf: (projection: string) => number): Promise<void> {
  await readModel.write(async (rows) => {
    for (const { projection } of all) {
      await rows.setCheckpoint(projection, { position: null, sequence: sequenceOf(projection), event: null })
    }
  })
}

interface Start {
  readonly readModel: ReadModel
  readonly readYourWrites: ReadYourWrites
  readonly stopwatch: FixedStopwatch
  readonly lines: Lines
  /** Begins to report. Answers what ends it. */
  readonly report: () => () => void
}

/** A start whose projections have the tables and nothing in them. */
function starting(tell: (start: Start) => Promise<void>): Promise<void> {
  return workspace.withStore((store) =>
    workspace.withReadModel(async (readModel) => {
      await readModel.prepare(all)
      const readYourWrites = new ReadYourWrites(store, 1_000)
      const stopwatch = new FixedStopwatch()
      const lines = new Lines()
      const report = () => reportCatchingUp({ readModel, readYourWrites, stopwatch, log: lines.log, everyMs: 1 })
      await tell({ readModel, readYourWrites, stopwatch, lines, report })
    }),
  )
}

const caughtUp: Progress = { position: null, sequence: 0, caughtUp: true, changedStreams: [], usageLedgers: [] }

it('says how far the projection is that was folded anew, how fast and for how long, until it has caught up', () =>
  starting(async ({ readModel, readYourWrites, stopwatch, lines, report }) => {
    await setSequences(readModel, (projection) => (projection === 'usage-cells' ? 100 : 1_000))
    report()
    const first = await lines.until(({ usageEvents }) => usageEvents === 100)
    expect(first).toEqual({ level: 30, usageEvents: 100, ofUsageEvents: 1_000, msg: FOLLOWING })
    stopwatch.advance(10_000)
    await setSequences(readModel, (projection) => (projection === 'usage-cells' ? 300 : 1_000))
    expect(await lines.until(({ usageEvents }) => usageEvents === 300)).toEqual({
      level: 30,
      usageEvents: 300,
      ofUsageEvents: 1_000,
      eventsPerSecond: 20,
      secondsLeft: 35,
      msg: FOLLOWING,
    })
    readYourWrites.advance(caughtUp)
    readYourWrites.advance(caughtUp)
    const ends = lines.all.filter(({ msg }) => msg !== FOLLOWING)
    expect(ends).toEqual([
      { level: 30, seconds: 10, msg: 'The read model has caught up with the log; usage is taken.' },
    ])
    expect(lines.all.at(-1)).toBe(ends[0])
  }))

it('says only how many events it has where no projection has more', () =>
  starting(async ({ lines, report }) => {
    const end = report()
    expect(await lines.until(() => true)).toEqual({ level: 30, usageEvents: 0, msg: FOLLOWING })
    end()
  }))

it('says nothing where the projections have caught up, or stopped', () =>
  starting(async ({ readModel, readYourWrites, lines, report }) => {
    readYourWrites.advance(caughtUp)
    report()
    readYourWrites.stop('The log is damaged.')
    const end = report()
    await setSequences(readModel, () => 1)
    expect(lines.all).toEqual([])
    end()
  }))
