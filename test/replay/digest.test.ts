/** A digest says which records there are, and nothing of how they came: it is the same on every way to the same records. */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { EventStore } from '../../src/event-store/event-store.js'
import type { ReadModel } from '../../src/read-model/read-model.js'
import { digestUsage, type Digest, type DigestSelection } from '../../src/replay/digest.js'
import { NOW } from '../controls.js'
import {
  histories,
  historyCustomers,
  historyMeters,
  opening,
  recordedEntry,
  writeLog,
  type Entry,
} from '../projections/history.js'
import { Workspace, bySeven, project } from '../projections/projecting.js'
import { exportedRecords, runScript, scriptDigest } from './digest-script.js'

const everything: DigestSelection = {
  ledger: 'default~test',
  meterId: null,
  customer: null,
  from: null,
  to: null,
  sequence: null,
}
const NOTHING = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'

let workspace: Workspace
beforeAll(() => {
  workspace = new Workspace()
})
afterAll(() => workspace.remove())

function folded<Result>(
  entries: readonly Entry[],
  use: (readModel: ReadModel, store: EventStore) => Promise<Result>,
): Promise<Result> {
  return workspace.withStore(async (store) => {
    await writeLog(store, entries)
    return workspace.withReadModel(async (readModel) => {
      await project(store, readModel, { cut: bySeven })
      return use(readModel, store)
    })
  })
}

function digestOf(readModel: ReadModel, selection: Partial<DigestSelection> = {}): Promise<Digest> {
  return readModel.snapshot((rows) => digestUsage(rows, { ...everything, ...selection }))
}

/** An identifier that was recorded twice, perhaps for two customers, cannot be; which of them counts only the rows say. */
function withoutRepeats(entries: Entry[]): Entry[] {
  const recorded = new Set<string>()
  return entries.filter(({ event }) => {
    if (event.type !== 'UsageRecorded') return true
    const key = `${event.data.meterId} ${event.data.identifier}`
    if (recorded.has(key)) return false
    recorded.add(key)
    return true
  })
}

describe('The digest', () => {
  it.each([null, 'cus_A'])('of large records lets others in between, for customer %s', async (customer) => {
    const meter = historyMeters.find(({ eventName }) => eventName === 'sum_raw')!
    const notes = Array.from({ length: 40 }, (_, n) => [`note ${n}`, 'x'.repeat(500)])
    const payload = Object.fromEntries(notes) as Readonly<Record<string, string>>
    const entries = Array.from({ length: 400 }, (_, n) =>
      recordedEntry(meter, `id-${n}`, { customer: 'cus_A', payload }),
    )
    await folded([...opening([meter]), ...entries], async (readModel) => {
      let turns = 0
      let isDone = false
      const others = (async () => {
        for (; !isDone; turns++) await nextTurn()
      })()
      expect(await digestOf(readModel, { customer })).toMatchObject({ records: entries.length })
      isDone = true
      await others
      // Of 20 KB each.
      expect(turns).toBeGreaterThan(entries.length / 20)
    })
  })

  it('is what docs/digest.sh makes of the export, now and after any earlier event, for all and for one customer', () =>
    fc.assert(
      fc.asyncProperty(histories(60).map(withoutRepeats), fc.nat(), async (entries, pick) => {
        await folded(entries, async (readModel, store) => {
          const exported = await exportedRecords(store, 'default~test')
          expect((await digestOf(readModel)).sha256).toBe(scriptDigest(exported))
          const sequence = pick % 61
          expect((await digestOf(readModel, { sequence })).sha256).toBe(scriptDigest(exported, sequence))
          const customer = historyCustomers[pick % historyCustomers.length] as string
          const theirs = await exportedRecords(store, 'default~test', customer)
          expect((await digestOf(readModel, { customer })).sha256).toBe(scriptDigest(theirs))
        })
      }),
      { numRuns: 7 },
    ))

  it('is what docs/digest.sh makes of the export, whatever is in the texts', () => {
    const odd = fc.constantFrom('"', '\\', '\u0000', '\u0001', '\t', '\n', ' ', '!', '\u007f', 'é', '\uffff', '🦙', 'a')
    const texts = fc
      .array(fc.oneof(odd, fc.string({ unit: 'binary', maxLength: 2 })), { minLength: 1, maxLength: 5 })
      .map((parts) => parts.join(''))
    const records = fc.uniqueArray(
      fc.record({ identifier: texts, customer: texts, payload: fc.dictionary(texts, texts, { maxKeys: 4 }) }),
      { selector: ({ identifier }) => identifier, maxLength: 40, size: 'max' },
    )
    return fc.assert(
      fc.asyncProperty(records, async (list) => {
        const meter = historyMeters[0]!
        const entries = list.map(({ identifier, customer, payload }) =>
          recordedEntry(meter, identifier, { customer, payload }),
        )
        await folded([...opening([meter]), ...entries], async (readModel, store) => {
          const { sha256, records } = await digestOf(readModel)
          expect(records).toBe(list.length)
          expect(sha256).toBe(scriptDigest(await exportedRecords(store, 'default~test')))
        })
      }),
      { numRuns: 12 },
    )
  })

  it('is none at all where docs/digest.sh got no records, or cannot read them', () => {
    const none = scriptDigest('')
    const record = '{"meter":"m","identifier":"i","customer":"c","value":"1","occurred_at":1,"recorded_at":1}'
    for (const input of ['garbage', '{}\n', `${record}\n`, `${record}\n{"me`]) {
      const { status, stdout, stderr } = runScript(input)
      expect({ input, status, stdout }).toEqual({ input, status: 1, stdout: '' })
      expect(stderr).not.toContain(none)
    }
    // Another export than that of records: it says so once, not for each line.
    expect(runScript('{"event_name":"tokens"}\n'.repeat(50_000)).stderr.trim().split('\n')).toHaveLength(2)
    const without = runScript('{}\n', null, '/nonexistent')
    expect(without).toMatchObject({ stdout: '' })
    expect(without.status).not.toBe(0)
  })

  it('is not that of everything where docs/digest.sh is told the number of a usage event in another way', () => {
    const record = '{"meter":"m","identifier":"i","customer":"c","value":"1","sequence":1,"payload":{}}\n'
    const { stdout: all } = runScript(record)
    expect(all).toMatch(/^[0-9a-f]{64}\n$/)
    expect(runScript(record, '1')).toMatchObject({ status: 0, stdout: all })
    for (const sequence of ['', 'null', '"1"', 'abc', '-1', '1 200', '1.5']) {
      const { status, stdout, stderr } = runScript(record, sequence)
      expect({ sequence, status, stdout }).toEqual({ sequence, status: 1, stdout: '' })
      expect(stderr).toMatch(/^The argument is the number of a usage event/)
    }
  })

  it('does not depend on how the partitions of the log are interleaved', () =>
    fc.assert(
      fc.asyncProperty(histories(60), async (entries) => {
        // Within each stream the order stays; the streams follow one another.
        const streams = [...new Set(entries.map(({ stream }) => stream))]
        const apart = streams.flatMap((each) => entries.filter(({ stream }) => stream === each))
        const digest = (readModel: ReadModel): Promise<Digest> => digestOf(readModel)
        expect(await folded(apart, digest)).toEqual(await folded(entries, digest))
      }),
      { numRuns: 10 },
    ))

  it('of no records is the SHA-256 of nothing', () =>
    folded(opening(historyMeters), async (readModel) => {
      expect(await digestOf(readModel)).toEqual({ sha256: NOTHING, records: 0, cancelled: 0 })
      expect((await digestOf(readModel, { customer: 'cus_A' })).sha256).toBe(NOTHING)
    }))

  it('takes the bounds of a time as a summary does: from inclusive, to exclusive', () => {
    const meter = historyMeters[0]!
    const at = (occurredAt: number): Entry => recordedEntry(meter, `at ${occurredAt}`, { occurredAt })
    return folded([...opening([meter]), at(NOW - 1), at(NOW), at(NOW + 1)], async (readModel) => {
      expect(await digestOf(readModel, { from: NOW, to: NOW + 1 })).toMatchObject({ records: 1 })
      expect(await digestOf(readModel, { from: NOW })).toMatchObject({ records: 2 })
      expect(await digestOf(readModel, { to: NOW })).toMatchObject({ records: 1 })
    })
  })
})
