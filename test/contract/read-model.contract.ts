/**
 * What every read model adapter promises. It takes no options: an adapter passes all of it or is not an adapter.
 * The same rows are kept plainly in memory beside it, and random questions have to be answered alike.
 */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import {
  isSameImage,
  ReadModelBusy,
  START,
  TablesKept,
  type KeyValue,
  type ReadModel,
  type RowWriter,
} from '../../src/read-model/read-model.js'
import { SNAPSHOTS_MAX } from '../../src/read-model/snapshot-connections.js'
import type { ProjectionTables, Table } from '../../src/read-model/tables.js'
import { Random } from '../random.js'
import {
  askSomething,
  counts,
  expectAll,
  NaiveRows,
  randomCount,
  randomVisit,
  small,
  visits,
} from '../read-model/naive-rows.js'
import { failure, holdSnapshot, steps, writeStep, type HeldSnapshot } from '../read-model/written-steps.js'

/** Opens the same rows again and again, as processes do. */
export type OpenRows = (snapshotWaitMs?: number) => ReadModel

export interface EmptyRows {
  readonly open: OpenRows
  remove(): Promise<void>
}

interface NoteRow {
  readonly number: number
  readonly text: string
  readonly partition: string | null
  readonly takenAt: number | null
}

const notes: Table<NoteRow> = {
  name: 'notes',
  columns: { number: 'integer', text: 'text', partition: 'text?', takenAt: 'integer?' },
  key: ['number'],
  indexes: { text: { columns: ['text', 'number'] } },
}
const ofNotes: ProjectionTables = { projection: 'notes', schema: 1, tables: [notes] }

/** Well-formed, without NUL: no other text comes in. */
const texts = fc.oneof(
  fc.string({ unit: 'binary' }).map((text) => text.toWellFormed().replaceAll('\0', '')),
  fc.constantFrom(
    '',
    'null',
    'NULL',
    '1',
    '[1]',
    '{"a":1}',
    '{}',
    '"',
    '\\',
    '\\N',
    ',',
    '\u2028',
    '\ud83d\ude00',
    "'",
  ),
)
const integers = fc.oneof(
  fc.maxSafeInteger(),
  fc.constantFrom(0, -1, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, 2 ** 32, -(2 ** 31)),
)
const someNotes = fc.uniqueArray(
  fc.record({ number: integers, text: texts, partition: fc.option(texts), takenAt: fc.option(integers) }),
  { selector: ({ number }) => number, minLength: 1, maxLength: 50 },
)

const checkpoint = { position: '17', sequence: 12, event: '3 id stream' }

export function readModelContract(name: string, make: () => Promise<EmptyRows>): void {
  describe(`${name} as a read model`, () => {
    let empty: EmptyRows
    let writer: ReadModel
    let reader: ReadModel

    async function lead(open: OpenRows): Promise<ReadModel> {
      const readModel = open()
      expect(await readModel.lead()).toBe('begun')
      return readModel
    }

    beforeEach(async () => {
      empty = await make()
      writer = await lead(empty.open)
      await writer.prepare([small, ofNotes])
      reader = empty.open()
    })
    afterEach(async () => {
      await reader.close()
      await writer.close()
      await empty.remove()
    })

    async function fill(
      seed: number,
      view: 'live' | 'building' = 'live',
      naive = NaiveRows.none(),
    ): Promise<NaiveRows> {
      const random = new Random(seed)
      const first = naive.rowsOf(visits).length
      for (let batch = 0; batch < 3; batch++) {
        const added = Array.from({ length: 200 }, () => randomCount(random))
        const visited = Array.from({ length: 200 }, (_, at) => randomVisit(random, first + batch * 200 + at))
        const into = async (rows: RowWriter): Promise<void> => {
          await rows.add(counts, added)
          await rows.insertNew(visits, visited)
        }
        await writer.write((live, building) => into(view === 'live' ? live : building))
        naive.add(added)
        naive.insertNew(visited)
      }
      return naive
    }

    it('has what was written, within a transaction, behind it, and in each snapshot', async () => {
      await fc.assert(
        fc.asyncProperty(steps, async (sequence) => {
          const rows = await make()
          let writing = await lead(rows.open)
          const reading = rows.open()
          const held: HeldSnapshot[] = []
          try {
            await writing.prepare([small])
            let naive = NaiveRows.none()
            for (const step of sequence) {
              if (step.before === 'the process ends' || step.before === 'another process writes on') {
                await writing.close()
                writing = await lead(rows.open)
              }
              if (step.before === 'a snapshot begins' && held.length < 3) held.push(await holdSnapshot(reading, naive))
              if (step.before === 'one ends') await held.shift()?.end()
              const after = naive.copy()
              const written = writing.write(async (rows) => {
                await writeStep(rows, after, step)
                if (step.fails) throw failure
              })
              if (step.fails) await expect(written).rejects.toBe(failure)
              else {
                await written
                naive = after
              }
              const random = new Random(~step.seed)
              for (const readModel of [writing, reading]) await askSomething(readModel, naive, random)
              for (const snapshot of held) await askSomething(snapshot.rows, snapshot.naive, random)
            }
            for (const snapshot of held) await expectAll(snapshot.rows, snapshot.naive)
            await expectAll(writing, naive)
            await expectAll(reading, naive)
            expect(await reading.storageFaults([small])).toEqual([])
          } finally {
            for (const snapshot of held) await snapshot.end()
            for (const readModel of [reading, writing]) await readModel.close()
            await rows.remove()
          }
        }),
        { numRuns: 2 },
      )
    })

    it('gives texts and numbers back as they were, in the order of their bytes and values', () =>
      fc.assert(
        fc.asyncProperty(someNotes, fc.integer({ min: 1, max: 60 }), async (rows, limit) => {
          await writer.write(async (into) => {
            await into.deleteBelow(notes, 'number', Number.MAX_SAFE_INTEGER)
            await into.delete(notes, [[Number.MAX_SAFE_INTEGER]])
            await into.put(notes, rows)
          })
          const columns = ['takenAt', 'text', 'number', 'partition'] as const
          for (const range of [{ limit }, { index: 'text', limit }, { reverse: true, limit }, { from: 1, limit }]) {
            const found = await reader.range(notes, range)
            expect(await reader.values(notes, columns, range)).toEqual(
              found.map((row) => columns.map((column): KeyValue => row[column])),
            )
          }
          const byNumber = [...rows].sort((one, other) => one.number - other.number)
          expect(await reader.range(notes, { limit: 60 })).toEqual(byNumber)
          const byText = [...rows].sort(
            (one, other) => Buffer.compare(Buffer.from(one.text), Buffer.from(other.text)) || one.number - other.number,
          )
          expect(await reader.range(notes, { index: 'text', limit: 60 })).toEqual(byText)
          const [first] = byText
          expect(await reader.range(notes, { index: 'text', prefix: [first!.text], limit: 60 })).toEqual(
            byText.filter(({ text }) => text === first!.text),
          )
          const where = { partition: first!.partition }
          expect(await reader.range(notes, { where, limit: 60 })).toEqual(
            byNumber.filter(({ partition }) => partition === where.partition),
          )
        }),
        { numRuns: 30 },
      ))

    it('has the same image of the same rows, and another one where any value is another', async () => {
      const rows = Array.from({ length: 20 }, (_, number): NoteRow => ({
        number,
        text: `${number}`,
        partition: null,
        takenAt: number,
      }))
      await writer.write((into) => into.put(notes, rows))
      const image = await reader.image(notes, { limit: 60 })
      expect(image).toMatchObject({ rows: 20, last: [19] })
      expect(image.parts[1]).toBe(JSON.stringify(rows.map(({ text }) => text)))
      expect(isSameImage(image, await writer.image(notes, { limit: 60 }))).toBe(true)
      for (const change of [{ text: '-' }, { partition: '' }, { takenAt: null }]) {
        await writer.write((into) => into.put(notes, [{ ...rows[3]!, ...change }]))
        expect(isSameImage(image, await reader.image(notes, { limit: 60 }))).toBe(false)
        await writer.write((into) => into.put(notes, [rows[3]!]))
        expect(isSameImage(image, await reader.image(notes, { limit: 60 }))).toBe(true)
      }
    })

    it('takes the last of several rows of one key, and the first of new ones that collide', async () => {
      const note = (number: number, text: string): NoteRow => ({ number, text, partition: null, takenAt: null })
      await writer.write((rows) => rows.put(notes, [note(1, 'a'), note(2, 'b'), note(1, 'c')]))
      expect(await reader.range(notes, { limit: 9 })).toEqual([note(1, 'c'), note(2, 'b')])
      const visit = { ...randomVisit(new Random(1), 1), name: 'one' }
      const others = [
        { ...visit, number: 2 },
        { ...visit, name: 'other', city: 77 },
        { ...visit, number: 3, name: 'three' },
      ]
      await writer.write(async (rows) => {
        expect(await rows.insertNew(visits, [visit, ...others])).toEqual([true, false, false, true])
      })
      expect(await reader.range(visits, { limit: 9 })).toEqual([visit, others[2]])
    })

    it('finds rows by keys, in the order asked for, and nothing where there is none', async () => {
      const naive = await fill(5)
      const known = naive.rowsOf(visits)
      const asked = [known[7]!, known[0]!, known[7]!].map(({ name }) => [name])
      expect(await reader.get(visits, [['nobody'], ...asked], 'name')).toEqual([
        undefined,
        known[7],
        known[0],
        known[7],
      ])
      expect(await reader.get(visits, [])).toEqual([])
      expect(await reader.count(visits)).toBe(known.length)
    })

    it('gives a range from its first bound on and up to before the second one, either way', async () => {
      const note = (number: number): NoteRow => ({
        number,
        text: 'same',
        partition: null,
        takenAt: number === 5 ? null : number % 4,
      })
      await writer.write((rows) => rows.put(notes, [1, 2, 3, 4, 5].map(note)))
      const bounds = { from: 2, to: 4, limit: 9 }
      for (const [range, found] of [
        [bounds, [2, 3]],
        [{ ...bounds, reverse: true }, [3, 2]],
        [{ ...bounds, reverse: true, limit: 1 }, [3]],
        [{ ...bounds, index: 'text', prefix: ['same'], reverse: true }, [3, 2]],
        [{ after: [2], to: 5, limit: 9 }, [3, 4]],
        [{ within: [{ column: 'takenAt', from: 1, to: 3 }], limit: 9 }, [1, 2]],
        [{ within: [{ column: 'takenAt', from: 3, orNull: true }], limit: 9 }, [3, 5]],
      ] as const) {
        expect(await reader.range(notes, range)).toEqual(found.map(note))
        expect(await reader.values(notes, ['number'], range)).toEqual(found.map((number) => [number]))
      }
    })

    it('deletes what it is told to and nothing else', async () => {
      const note = (number: number): NoteRow => ({ number, text: `${number}`, partition: null, takenAt: number % 3 })
      await writer.write((rows) => rows.put(notes, [1, 2, 3, 4, 5].map(note)))
      await writer.write((rows) => rows.delete(notes, [[2], [9]]))
      expect(await reader.range(notes, { limit: 9 })).toEqual([1, 3, 4, 5].map(note))
      await writer.write((rows) => rows.deleteBelow(notes, 'takenAt', 1))
      expect(await reader.range(notes, { limit: 9 })).toEqual([1, 4, 5].map(note))
    })

    it('commits rows and checkpoint together, or neither', async () => {
      const note: NoteRow = { number: 1, text: '', partition: null, takenAt: null }
      const failed = writer.write(async (rows) => {
        await rows.put(notes, [note])
        await rows.setCheckpoint('notes', checkpoint)
        expect(await rows.checkpoint('notes')).toEqual(checkpoint)
        throw failure
      })
      await expect(failed).rejects.toBe(failure)
      expect(await reader.checkpoint('notes')).toEqual(START)
      expect(await reader.range(notes, { limit: 1 })).toEqual([])
      await writer.write(async (rows) => {
        await rows.put(notes, [note])
        await rows.setCheckpoint('notes', checkpoint)
      })
      expect(await reader.checkpoint('notes')).toEqual(checkpoint)
      expect(await reader.checkpoint('small')).toEqual(START)
    })

    it('lets so many snapshots be open and no more, and passes each on to who waits', async () => {
      const impatient = empty.open(1_000)
      try {
        const held: Awaited<ReturnType<typeof holdSnapshot>>[] = []
        // Each waits for no other to be opened.
        while (held.length < SNAPSHOTS_MAX) held.push(await holdSnapshot(impatient, NaiveRows.none()))
        const read = (signal?: AbortSignal) => impatient.snapshot((rows) => rows.checkpoint('notes'), signal)
        await expect(read()).rejects.toThrow(ReadModelBusy)
        const gone = new AbortController()
        const unwanted = read(gone.signal)
        gone.abort(failure)
        await expect(unwanted).rejects.toBe(failure)
        const waiting = read()
        await held.pop()?.end()
        expect(await waiting).toEqual(START)
        for (const snapshot of held) await snapshot.end()
      } finally {
        await impatient.close()
      }
    })

    it('builds tables apart from the live ones, which take their place for all readers at once', async () => {
      const before = await fill(1)
      await writer.beginBuild([small], false)
      const built = await fill(2, 'building')
      await writer.write((_, building) => building.setCheckpoint('small', checkpoint))
      expect(await writer.builds()).toEqual(new Map([['small', checkpoint]]))
      expect(await reader.checkpoint('small')).toEqual(START)
      await expectAll(reader, before)
      await writer.write(async (live, building) => {
        await expectAll(live, before)
        await expectAll(building, built)
        // Of a projection that is not being built both are the same.
        await building.put(notes, [{ number: 1, text: '', partition: null, takenAt: null }])
        expect(await live.range(notes, { limit: 9 })).toHaveLength(1)
        await building.setCheckpoint('notes', checkpoint)
      })
      expect(await reader.checkpoint('notes')).toEqual(checkpoint)
      const held = await holdSnapshot(reader, before)
      await writer.switchBuild('{}')
      await expectAll(held.rows, before)
      const dropped = dropAll(writer)
      await expectAll(reader, built)
      await expectAll(held.rows, before)
      await held.end()
      await dropped
      expect(await reader.checkpoint('small')).toEqual(checkpoint)
      await expectAll(reader, await fill(3, 'live', built))
      expect(await reader.storageFaults([small, ofNotes])).toEqual([])
    })

    it('keeps what was replaced until it is told to drop it', async () => {
      await fill(1)
      await writer.beginBuild([small], true)
      const built = await fill(2, 'building')
      expect(await writer.keptTables()).toEqual([])
      await writer.switchBuild('{}')
      const kept = await writer.keptTables()
      expect(kept).toHaveLength(small.tables.length)
      expect(await writer.dropReplaced(false)).toBe(false)
      // Nor is more kept beside it.
      await expect(writer.beginBuild([small], true)).rejects.toBeInstanceOf(TablesKept)
      expect((await writer.builds()).size).toBe(0)
      await writer.beginBuild([small], false)
      await writer.abandonBuild()
      expect(await writer.dropReplaced(true)).toBe(true)
      await dropAll(writer, true)
      expect(await writer.keptTables()).toEqual([])
      await expectAll(reader, built)
    })

    it('drops what was being built when that is given up, or begun once more', async () => {
      const live = await fill(1)
      await writer.beginBuild([small], false)
      await fill(2, 'building')
      await writer.abandonBuild()
      expect((await writer.builds()).size).toBe(0)
      await expectAll(reader, live)
      await writer.beginBuild([small], false)
      await fill(3, 'building')
      await writer.beginBuild([small], false)
      const built = await fill(4, 'building')
      await expectAll(reader, live)
      await writer.switchBuild('{}')
      await expectAll(reader, built)
    })

    it('builds once more beside what was built before', async () => {
      await writer.beginBuild([small], false)
      const first = await fill(1, 'building')
      await writer.switchBuild('{}')
      await dropAll(writer)
      await writer.beginBuild([small], false)
      const second = await fill(2, 'building')
      for (const readModel of [reader, writer]) await expectAll(readModel, first)
      await writer.switchBuild('{}')
      for (const readModel of [reader, writer]) await expectAll(readModel, second)
    })

    it('lets a process that starts later go on building', async () => {
      await writer.beginBuild([small], false)
      const begun = await fill(1, 'building')
      await writer.close()
      writer = await lead(empty.open)
      const built = await fill(2, 'building', begun)
      await writer.switchBuild('{}')
      await expectAll(reader, built)
    })

    it('makes tables anew where a schema number is another', async () => {
      await expectAll(reader, await fill(1))
      await writer.write((rows) => rows.setCheckpoint('small', checkpoint))
      await writer.prepare([small])
      expect(await reader.checkpoint('small')).toEqual(checkpoint)
      expect(await reader.schemas()).toEqual(new Map([['small', 1], ['notes', 1]])) // prettier-ignore
      await writer.beginBuild([small], false)
      await writer.prepare([{ ...small, schema: 2 }])
      // What was being built is of the old shape.
      expect((await writer.builds()).size).toBe(0)
      expect(await reader.schemas()).toEqual(new Map([['small', 2], ['notes', 1]])) // prettier-ignore
      expect(await reader.checkpoint('small')).toEqual(START)
      await expectAll(reader, NaiveRows.none())
      await expectAll(reader, await fill(2))
    })

    it('names no projection before tables were made', async () => {
      const rows = await make()
      const readModel = rows.open()
      expect((await readModel.schemas()).size).toBe(0)
      await readModel.close()
      await rows.remove()
    })
  })
}

/** Waits for those that are still read. */
async function dropAll(readModel: ReadModel, kept = false): Promise<void> {
  while (await readModel.dropReplaced(kept));
}
