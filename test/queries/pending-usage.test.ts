/** Summaries that do not wait for the projector, against those of a read model that has everything. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { randomUUID } from 'node:crypto'
import fc from 'fast-check'
import { UsageIndex } from '../../src/commands/usage-index.js'
import { UsageLedger } from '../../src/commands/usage-ledger.js'
import { formulas } from '../../src/domain/aggregation.js'
import { usagePartition } from '../../src/domain/usage-partition.js'
import type { UsageRecord } from '../../src/domain/usage-record.js'
import type { EventStore } from '../../src/event-store/event-store.js'
import { ReadModelBehind, ReadYourWrites } from '../../src/event-store/read-your-writes.js'
import { GetMeterEventSummaries, GetMeterEventSummariesHandler } from '../../src/queries/get-meter-event-summaries.js'
import { Reader } from '../../src/queries/reader.js'
import { LongReadTurns } from '../../src/queries/read-turns.js'
import { contextOf } from './asking.js'
import type { ReadModel } from '../../src/read-model/read-model.js'
import { NOW } from '../controls.js'
import {
  histories,
  historyCustomers,
  PARTITIONS,
  writeLog,
  type Entry,
  type HistoryMeter,
} from '../projections/history.js'
import { project, Workspace } from '../projections/projecting.js'
import { metersOf, questionParts, requestOf } from './questions.js'

const WAIT_MS = 20
const SIZES = { hour: 3_600_000, day: 86_400_000 }

let workspace: Workspace
beforeAll(() => {
  workspace = new Workspace()
})
afterAll(() => workspace.remove())

const questions = fc.record({
  ...questionParts,
  window: fc.constantFrom(null, 'hour' as const, 'day' as const),
  isGrouped: fc.boolean(),
})
type Question = typeof questions extends fc.Arbitrary<infer Q> ? Q : never

describe('Usage that is not projected yet', () => {
  it('is in every summary, once, wherever the projector stands', async () => {
    let compared = 0
    await fc.assert(
      fc.asyncProperty(
        histories(80).map(possible),
        fc.array(questions, { minLength: 15, maxLength: 25 }),
        fc.integer({ min: 1, max: 9 }),
        fc.nat({ max: 12 }),
        fc.integer({ min: 1, max: 4 }),
        async (history, asked, cut, batches, further) => {
          await workspace.withStore(async (store) => {
            await writeLog(store, history)
            await workspace.withReadModel(async (readModel) => {
              const behind = await projectSome(store, readModel, history, cut, batches)
              const ledger = new UsageLedger(store, new UsageIndex(readModel), behind, randomUUID)
              await fillTails(ledger, history)
              // The writers are not told, as they are not between a commit and the message about it.
              await project(store, readModel, { cut: () => cut, batchesMax: further })
              const early: unknown[] = []
              const reader = new Reader(readModel, behind, store, ledger, true)
              for (const question of asked) early.push(await answer(reader, history, question))

              const caughtUp = new ReadYourWrites(store, WAIT_MS)
              await project(store, readModel, { onProgress: (progress) => caughtUp.advance(progress) })
              const late = new Reader(readModel, caughtUp, store)
              for (const [index, question] of asked.entries()) {
                if (early[index] === 'waits') continue
                expect(early[index]).toEqual(await answer(late, history, question))
                compared++
              }
              await ledger.close()
            })
          })
        },
      ),
      { numRuns: 20 },
    )
    expect(compared).toBeGreaterThan(100)
  })
})

/**
 * Without what no writer would append, an identifier recorded or cancelled a second time, and without changes of meters:
 * those are waited for.
 */
function possible(history: readonly Entry[]): Entry[] {
  const seen = new Set<string>()
  return history.filter(({ event }) => {
    if (event.type === 'LedgerOpened' || event.type === 'MeterCreated') return true
    if (event.type !== 'UsageRecorded' && event.type !== 'UsageCancelled') return false
    const key = `${event.type} ${event.data.meterId} ${event.data.identifier}`
    return !seen.has(key) && seen.add(key)
  })
}

/** Every meter and some of the usage; who reads is told that all of it was caught up with, as far as that goes. */
async function projectSome(
  store: EventStore,
  readModel: ReadModel,
  history: readonly Entry[],
  cut: number,
  batches: number,
): Promise<ReadYourWrites> {
  const opening = history.findIndex(({ event }) => event.type.startsWith('Usage'))
  const readYourWrites = new ReadYourWrites(store, WAIT_MS)
  let first = true
  await project(store, readModel, {
    cut: () => {
      const size = first ? Math.max(opening < 0 ? history.length : opening, 1) : cut
      first = false
      return size
    },
    onProgress: (progress) => readYourWrites.advance({ ...progress, caughtUp: true }),
    batchesMax: 1 + batches,
  })
  return readYourWrites
}

/** One more record in each partition, after which its writer knows what is not projected. */
async function fillTails(ledger: UsageLedger, history: readonly Entry[]): Promise<void> {
  const context = { requestId: 'req_1', actor: 'key_1', idempotency: null }
  for (const [index, meter] of metersOf(history).entries()) {
    for (let partition = 0; partition < PARTITIONS; partition++) {
      const identifier = identifierIn(meter.meterId, partition)
      const record: UsageRecord = {
        meterId: meter.meterId,
        identifier,
        customer: historyCustomers[partition % historyCustomers.length] as string,
        value: formulas[meter.formula].usesValue ? '3' : null,
        occurredAt: NOW + index,
        recordedAt: NOW,
        payload: {},
      }
      await ledger.submit(
        meter.ledger,
        PARTITIONS,
        { id: meter.meterId },
        identifier,
        { type: 'RecordUsage', record, hasTimestamp: true, earliest: 0 },
        context,
      )
    }
  }
}

function identifierIn(meterId: string, partition: number): string {
  for (let n = 0; ; n++) {
    const identifier = `tail-${n}`
    if (usagePartition(meterId, identifier, PARTITIONS) === partition) return identifier
  }
}

async function answer(reader: Reader, history: readonly Entry[], question: Question): Promise<unknown> {
  const used = metersOf(history)
  const meter = used[question.meter % used.length] as HistoryMeter
  const { window, isGrouped, limit } = question
  const asked = requestOf(meter, question)
  const size = window === null ? 60_000 : SIZES[window]
  const start = Math.floor(asked.start / size) * size
  const request = {
    ...asked,
    start,
    end: Math.max(Math.ceil(asked.end / size) * size, start + size),
    window,
    groupBy: isGrouped ? meter.dimensionKeys.slice(0, 1) : [],
  }
  const page = { limit, startingAfter: null, endingBefore: null }
  const query = new GetMeterEventSummaries(contextOf(meter.ledger), request, page)
  try {
    return await new GetMeterEventSummariesHandler(reader, new LongReadTurns()).execute(query)
  } catch (error) {
    // What depends on the order of recording is read from the rows alone.
    expect(meter.eventTimeWindow !== null || meter.formula === 'last').toBe(true)
    expect(error).toBeInstanceOf(ReadModelBehind)
    return 'waits'
  }
}
