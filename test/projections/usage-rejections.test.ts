import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import type { LedgerName } from '../../src/domain/ledger.js'
import { rejectionsStream } from '../../src/event-store/streams.js'
import { REPORT_SAMPLES_MAX, REPORT_WINDOW_MS } from '../../src/projections/usage-rejections.js'
import type { ReadModel } from '../../src/read-model/read-model.js'
import {
  usageRejections,
  usageRejectionWindows,
  type UsageRejectionRow,
  type UsageRejectionWindowRow,
} from '../../src/read-model/tables.js'
import { NOW } from '../controls.js'
import { LEDGERS, writeLog, type Entry } from './history.js'
import { allAtOnce, bySeven, everyEvent, project, sizes, Workspace } from './projecting.js'

const DAY = 86_400_000

let workspace: Workspace
beforeAll(() => {
  workspace = new Workspace()
})
afterAll(() => workspace.remove())

interface Step {
  readonly ledger: LedgerName
  /** Resolves an earlier rejection of the ledger rather than rejecting; again, where it is resolved already. */
  readonly resolves: boolean
  readonly which: number
  readonly meterId: string | null
  readonly code: 'no_meter' | 'archived_meter' | 'parameter_invalid'
  readonly receivedAt: number
}

const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.record({
    ledger: fc.constantFrom(...LEDGERS),
    resolves: fc.constantFrom(false, false, true),
    which: fc.nat(),
    meterId: fc.constantFrom(null, 'mtr_a', 'mtr_b'),
    code: fc.constantFrom('no_meter', 'archived_meter', 'parameter_invalid'),
    // Few windows, so that they fill up beyond the samples; the ends of windows and days.
    receivedAt: fc.constantFrom(NOW, NOW, NOW, NOW + REPORT_WINDOW_MS - 1, NOW + REPORT_WINDOW_MS, NOW + DAY),
  }),
  { maxLength: 120 },
)

/** The log of the steps, and what its rows must be by plain loops over all of it. */
function historyOf(list: readonly Step[]) {
  const history: Entry[] = []
  const revisions = new Map<LedgerName, number>()
  const rejections: UsageRejectionRow[] = []
  for (const { ledger, resolves, which, meterId, code, receivedAt } of list) {
    const stream = rejectionsStream(ledger)
    const revision = (revisions.get(ledger) ?? 0) + 1
    const earlier = rejections.filter((row) => row.ledger === ledger)
    const row = resolves ? earlier[which % Math.max(1, earlier.length)] : undefined
    if (resolves && !row) continue
    revisions.set(ledger, revision)
    if (row) {
      const data = { rejection: row.revision, meterId: 'mtr_new', identifier: row.identifier, at: NOW + revision }
      history.push({ stream, event: { type: 'UsageRejectionResolved', data }, idempotency: null })
      if (row.status === 'open') {
        const resolved = {
          status: 'resolved',
          resolvedAt: NOW + revision,
          resolvedRevision: revision,
          resolvedMeterId: 'mtr_new',
        }
        rejections[rejections.indexOf(row)] = { ...row, ...resolved }
      }
      continue
    }
    const identifier = `id ${revision}`
    const rejected = { meterId, eventName: null, identifier, code, message: `because ${revision}`, receivedAt }
    const data = { ...rejected, event: '{"__proto__":[1]}', index: which % 100 }
    history.push({ stream, event: { type: 'UsageRejected', data }, idempotency: null })
    rejections.push({
      ...rejected,
      ledger,
      revision,
      event: '{"__proto__":[1]}',
      place: which % 100,
      status: 'open',
      resolvedAt: null,
      resolvedRevision: null,
      resolvedMeterId: null,
    })
  }
  return { history, rejections, windows: windowsOf(rejections) }
}

function windowsOf(rejections: readonly UsageRejectionRow[]): UsageRejectionWindowRow[] {
  const groups = new Map<string, UsageRejectionRow[]>()
  for (const row of rejections) {
    for (const size of [REPORT_WINDOW_MS, DAY]) {
      const start = row.receivedAt - (row.receivedAt % size)
      const key = JSON.stringify([row.ledger, row.meterId ?? '', size, start, row.code])
      groups.set(key, [...(groups.get(key) ?? []), row])
    }
  }
  return [...groups].map(([key, rows]) => {
    const [ledger, meterId, size, start, code] = JSON.parse(key) as [string, string, number, number, string]
    const samples = rows.slice(0, size === DAY ? 0 : REPORT_SAMPLES_MAX)
    return {
      ...{ ledger, meterId, size, start, code },
      errors: rows.length,
      resolved: rows.filter(({ status }) => status === 'resolved').length,
      samples: JSON.stringify(samples.map(({ message, identifier }) => ({ error_message: message, identifier }))),
    }
  })
}

async function rowsOf(readModel: ReadModel) {
  const limit = Number.MAX_SAFE_INTEGER
  return {
    rejections: await readModel.range(usageRejections, { limit }),
    windows: await readModel.range(usageRejectionWindows, { limit }),
  }
}

function sorted<Row extends object>(rows: readonly Row[], ...columns: (keyof Row)[]): Row[] {
  const before = (a: Row, b: Row) =>
    columns.map((column) => (a[column] < b[column] ? -1 : a[column] > b[column] ? 1 : 0))
  return [...rows].sort((a, b) => before(a, b).find((sign) => sign !== 0) ?? 0)
}

describe('The rows of rejections', () => {
  it('are what a recount of the whole history gives, wherever batches are cut', async () => {
    const cuts = fc.array(fc.integer({ min: 1, max: 40 }), { minLength: 1, maxLength: 8 })
    await fc.assert(
      fc.asyncProperty(steps, cuts, async (list, batches) => {
        const { history, rejections, windows } = historyOf(list)
        const expected = {
          rejections: sorted(rejections, 'ledger', 'revision'),
          windows: sorted(windows, 'ledger', 'meterId', 'size', 'start', 'code'),
        }
        await workspace.withStore(async (store) => {
          await writeLog(store, history)
          for (const cut of [allAtOnce, everyEvent, bySeven, sizes(batches)]) {
            await workspace.withReadModel(async (readModel) => {
              await project(store, readModel, { cut })
              expect(await rowsOf(readModel)).toEqual(expected)
            })
          }
        })
      }),
      { numRuns: 25 },
    )
  })

  it('stop the projecting where a rejection is resolved that never was', async () => {
    const data = { rejection: 1, meterId: 'mtr_a', identifier: 'x', at: NOW }
    const entry: Entry = {
      stream: rejectionsStream('default~test'),
      event: { type: 'UsageRejectionResolved', data },
      idempotency: null,
    }
    await workspace.withStore(async (store) => {
      await writeLog(store, [entry])
      await workspace.withReadModel(async (readModel) => {
        await expect(project(store, readModel)).rejects.toThrow(
          'Event 1 of stream rejections-default~test resolves a rejection that is not there.',
        )
      })
    })
  })
})
