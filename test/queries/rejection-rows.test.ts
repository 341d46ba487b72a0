/** Rejections as they are walked: all that match, in pages of any length, and no more rows read than it takes. */
import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { mayPassOver, walkRejections, type RejectionFilter } from '../../src/queries/rejection-rows.js'
import type { RowReader } from '../../src/read-model/read-model.js'
import { usageRejections, type UsageRejectionRow } from '../../src/read-model/tables.js'
import { NOW } from '../controls.js'
import { opening } from '../projections/history.js'
import { Workspace } from '../projections/projecting.js'
import { asking } from './asking.js'

const LEDGER = 'default~test'
const ROWS = 300
const all: RejectionFilter = {
  meterId: null,
  eventName: null,
  code: null,
  identifier: null,
  customer: null,
  status: null,
  received: { from: null, to: null },
}

let workspace: Workspace
beforeAll(() => {
  workspace = new Workspace()
})
afterAll(() => workspace.remove())

function rejection(revision: number): UsageRejectionRow {
  return {
    ledger: LEDGER,
    revision,
    meterId: null,
    eventName: revision % 2 === 0 ? 'even' : 'odd',
    identifier: `id-${revision}`,
    code: revision % 3 === 0 ? 'no_meter' : 'archived_meter',
    message: 'It is refused.',
    event: '{}',
    place: 0,
    receivedAt: NOW,
    status: 'open',
    resolvedAt: null,
    resolvedRevision: null,
    resolvedMeterId: null,
  }
}

it.each([
  { filter: all, matching: () => true },
  { filter: { ...all, eventName: 'odd' }, matching: (revision: number) => revision % 2 === 1 },
  { filter: { ...all, status: 'open' as const }, matching: () => true },
  { filter: { ...all, code: 'no_meter' }, matching: (revision: number) => revision % 3 === 0 },
  { filter: { ...all, eventName: 'odd', code: 'no_meter' }, matching: (revision: number) => revision % 6 === 3 },
])('$filter finds as many as are wanted', async ({ filter, matching }) => {
  await asking(workspace, opening([]), async ({ readModel }) => {
    const revisions = Array.from({ length: ROWS }, (_, index) => index + 1)
    await readModel.write((rows) => rows.put(usageRejections, revisions.map(rejection)))
    const expected = revisions.filter(matching)
    for (const limit of [1, 2, 101, 128, 129, 1001]) {
      let read = 0
      const rows: RowReader = Object.create(readModel, {
        range: {
          value: async (...asked: Parameters<RowReader['range']>) => {
            const found = await readModel.range(...asked)
            read += found.length
            return found
          },
        },
      }) as RowReader
      const walk = { direction: 'oldest-first', after: null, limit } as const
      const found = await walkRejections(
        rows,
        LEDGER,
        filter,
        walk,
        new AbortController().signal,
        (row) => row.revision,
      )
      expect(found).toEqual(expected.slice(0, limit))
      if (!mayPassOver(filter)) expect(read).toBe(found.length)
    }
  })
})
