/**
 * Histories as released versions stored them, with the rows they must give for ever. Files here are only ever added to: a
 * change of an event's shape adds a history in the new one and leaves the old, a change of a table adds expected rows.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { createHash } from 'node:crypto'
import { readFileSync, readdirSync } from 'node:fs'
import { fold } from '../../src/domain/decider.js'
import * as ApiKeys from '../../src/domain/api-keys.js'
import type { EventType } from '../../src/domain/events.js'
import type { LedgerName } from '../../src/domain/ledger.js'
import { decodeEvent } from '../../src/event-store/codec.js'
import type { NewEvent, RecordedEvent, StreamAppend } from '../../src/event-store/event-store.js'
import { categories } from '../../src/event-store/streams.js'
import { digestUsage, type Digest } from '../../src/replay/digest.js'
import { collect } from '../controls.js'
import type { Entry } from '../projections/history.js'
import { Workspace, bySeven, dump, project } from '../projections/projecting.js'
import { Recount } from '../projections/recount.js'

const folder = new URL('./', import.meta.url)

/** Every golden file ever released, by the SHA-256 of its text. A line here is never changed and never taken out. */
const released: Readonly<Record<string, string>> = {
  'first-release.jsonl': '0b3b1ed31b47916f73c8ce3bf216d2dc74d39337bfc6d21c343edcce63548be4',
  'first-release.rows.json': '73f0c8a0301732e0869552b41c9545471d6ae14ab21ecafaede4b1294c072231',
  'first-release.rows-2.json': '9e88550f873336ce54519994716f4429fde5af660a71db55c44e05d72b56f3b6',
  'first-release.digest.json': '43139ff103bc11007c3aaf833e4e7156ee437cb0bebb6f3fa2db8e69e9f16a19',
  'odd-texts.jsonl': 'b61d46e98cdab321f43b532ed452e0a77ef4d5f8532c7ed15a80019e8dff7849',
  'odd-texts.rows-2.json': '82b00b1bfc9c253c199278152387f7efa7be42c9524705cb03f3c0c15608944a',
  'odd-texts.digest.json': 'acfb2d4ff861ad4049a057f9452a0677a85c89b8dbf678d651ddac6536908f62',
  'rejections.jsonl': '7884c614cf081ad679503bd6afea294c2c9411c0ad1b0d9f6860d4ee65074407',
  'rejections.rows.json': '0995d2e7e7fbc3cb92db1af4423333ae402f5e6406e831b44223873fa8a84020',
  'rejections.digest.json': '0a3b247806334dc16b8549ce14ca8d93c7b18e34e3bc427a57d5a754fd6e3180',
  'rejections.rows-2.json': 'f7824497f4a3a5e0f84d0f2606806e7eb363e58223499c4993477e3f812d4197',
  'rejections-2.jsonl': 'ef848db2fcba4f2dd76e774b7a4a67e469a1fed1531b9896961b37004892ff77',
  'rejections-2.rows-2.json': 'f7824497f4a3a5e0f84d0f2606806e7eb363e58223499c4993477e3f812d4197',
  'rejections-2.digest.json': '0a3b247806334dc16b8549ce14ca8d93c7b18e34e3bc427a57d5a754fd6e3180',
}

/** Of the expected rows: 2 since emptied cells are kept and cells name the events that changed them. */
const ROWS = 'rows-2.json'

/** Every shape an event was ever stored in. */
const shapes: { readonly [T in EventType]: readonly number[] } = {
  LedgerOpened: [1],
  MeterCreated: [1],
  MeterRenamed: [1],
  MeterDeactivated: [1],
  MeterReactivated: [1],
  UsageRecorded: [1],
  UsageCancelled: [1],
  UsageRejected: [1, 2],
  UsageRejectionResolved: [1],
  ApiKeyIssued: [1],
  ApiKeyRevoked: [1],
}

function text(file: string): string {
  return readFileSync(new URL(file, folder), 'utf8')
}

type GoldenEvent = NewEvent & { readonly stream: string }

function historyOf(file: string): GoldenEvent[] {
  return text(file)
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as GoldenEvent)
}

const histories = readdirSync(folder).filter((file) => file.endsWith('.jsonl'))

describe('Golden files', () => {
  it('are only ever added to', () => {
    const there = readdirSync(folder).filter((file) => !file.endsWith('.ts'))
    expect(there.sort()).toEqual(Object.keys(released).sort())
    for (const [file, hash] of Object.entries(released)) {
      expect([file, createHash('sha256').update(text(file)).digest('hex')]).toEqual([file, hash])
    }
  })

  it('hold every event in every shape it was ever stored in', () => {
    const held = new Set(histories.flatMap(historyOf).map(({ type, metadata }) => `${type} ${metadata.schema}`))
    const known = Object.entries(shapes).flatMap(([type, numbers]) => numbers.map((schema) => `${type} ${schema}`))
    expect([...held].sort()).toEqual(known.sort())
  })
})

describe.each(histories)('The history %s', (file) => {
  let workspace: Workspace
  beforeAll(() => {
    workspace = new Workspace()
  })
  afterAll(() => workspace.remove())

  it('gives the rows it gave when it was released', async () => {
    const events = historyOf(file)
    const revisions = new Map<string, number>()
    const appends = events.map(({ stream, ...event }): StreamAppend => {
      const expectedRevision = revisions.get(stream) ?? 0
      revisions.set(stream, expectedRevision + 1)
      return { stream, expectedRevision, events: [event] }
    })
    await workspace.withStore(async (store) => {
      await store.append(appends)
      await workspace.withReadModel(async (readModel) => {
        await project(store, readModel, { cut: bySeven })
        const rows = await dump(readModel)
        expect(rows).toEqual(JSON.parse(text(file.replace('jsonl', ROWS))))
        const recorded = await collect(store.readAll({ after: null, categories: Object.values(categories) }))
        const decoded = recorded.map(entry)
        expect(decoded).toHaveLength(events.length)
        const { idempotency_keys: _keys, ...recounted } = new Recount(decoded).tables()
        expect(rows).toMatchObject(recounted)
        const digests = JSON.parse(text(file.replace('jsonl', 'digest.json'))) as Record<LedgerName, Digest>
        for (const ledger of ['default~test', 'default~live'] as const) {
          const selection = { ledger, meterId: null, customer: null, from: null, to: null, sequence: null }
          const digest = await readModel.snapshot((reader) => digestUsage(reader, selection))
          expect({ [ledger]: digest }).toEqual({ [ledger]: digests[ledger] })
        }
        const keys = decoded.flatMap(({ stream, event }) => (stream === 'keys' ? [event as ApiKeys.Event] : []))
        expect([...fold(ApiKeys, keys).keys.keys()]).toEqual(keys.length === 0 ? [] : ['key_golden'])
      })
    })
  })
})

function entry(recorded: RecordedEvent): Entry {
  return { stream: recorded.stream, event: decodeEvent(recorded), idempotency: null }
}
