import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import type { ReadModel } from '../../src/read-model/read-model.js'
import { meterActivityHours, meterActivityMinutes, type MeterActivityRow } from '../../src/read-model/tables.js'
import { histories, writeLog, type Entry } from './history.js'
import { allAtOnce, bySeven, everyEvent, project, sizes, Workspace } from './projecting.js'

const MINUTE = 60_000
const HOUR = 60 * MINUTE

let workspace: Workspace
beforeAll(() => {
  workspace = new Workspace()
})
afterAll(() => workspace.remove())

/** By plain loops over the whole history: nothing is folded step by step. */
function recount(history: readonly Entry[]): { hours: MeterActivityRow[]; minutes: MeterActivityRow[] } {
  const received = history.flatMap(({ stream, event }) => {
    if (event.type !== 'UsageRecorded' && event.type !== 'UsageCancelled') return []
    const isRecorded = event.type === 'UsageRecorded'
    const at = isRecorded ? event.data.recordedAt : event.data.cancelledAt
    const ledger = stream.slice('usage-'.length, stream.indexOf('.'))
    return [{ ledger, meterId: event.data.meterId, at, isRecorded }]
  })
  const rows = (ms: number, from: number): MeterActivityRow[] => {
    const names = new Set(received.map(({ ledger, meterId, at }) => `${ledger} ${Math.floor(at / ms) * ms} ${meterId}`))
    return [...names]
      .map((name): MeterActivityRow => {
        const [ledger = '', since, meterId = ''] = name.split(' ')
        const of = received.filter(
          (each) => each.meterId === meterId && Math.floor(each.at / ms) * ms === Number(since),
        )
        const recorded = of.filter(({ isRecorded }) => isRecorded).length
        return { ledger, since: Number(since), meterId, recorded, cancelled: of.length - recorded }
      })
      .filter(({ since }) => since >= from)
      .sort((a, b) =>
        a.ledger < b.ledger ? -1 : a.ledger > b.ledger ? 1 : a.since - b.since || (a.meterId < b.meterId ? -1 : 1),
      )
  }
  const latest = Math.max(...received.map(({ at }) => at))
  return { hours: rows(HOUR, -Infinity), minutes: rows(MINUTE, Math.floor(latest / HOUR) * HOUR - HOUR) }
}

async function stored(readModel: ReadModel): Promise<ReturnType<typeof recount>> {
  const limit = Number.MAX_SAFE_INTEGER
  return {
    hours: await readModel.range(meterActivityHours, { limit }),
    minutes: await readModel.range(meterActivityMinutes, { limit }),
  }
}

describe('The activity of meters', () => {
  it.each([
    ['all at once', allAtOnce],
    ['one by one', everyEvent],
    ['by seven', bySeven],
    ['in batches of many sizes', sizes([1, 2, 50, 3])],
  ])('is what was received in each hour and each late minute, wherever batches are cut: %s', async (_, cut) => {
    await fc.assert(
      fc.asyncProperty(histories(80), async (history) => {
        await workspace.withStore(async (store) => {
          await writeLog(store, history)
          await workspace.withReadModel(async (readModel) => {
            await project(store, readModel, { cut })
            expect(await stored(readModel)).toEqual(recount(history))
          })
        })
      }),
      { numRuns: 6 },
    )
  })

  it('is the same after the process ended between batches, any number of times', async () => {
    await fc.assert(
      fc.asyncProperty(histories(60), fc.integer({ min: 1, max: 4 }), async (history, batchesMax) => {
        await workspace.withStore(async (store) => {
          await writeLog(store, history)
          await workspace.withReadModel(async (readModel) => {
            let caughtUp = false
            const onProgress = (progress: { readonly caughtUp: boolean }) => (caughtUp ||= progress.caughtUp)
            while (!caughtUp) await project(store, readModel, { cut: bySeven, batchesMax, onProgress })
            expect(await stored(readModel)).toEqual(recount(history))
          })
        })
      }),
      { numRuns: 6 },
    )
  })
})
