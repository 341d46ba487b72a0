/** What very many rows are read by is nothing but a faster way to read them: whatever texts and numbers they hold. */
import { afterAll, beforeAll, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { EmbeddedReadModel } from '../../src/read-model/embedded-read-model.js'
import { isSameImage, type KeyValue } from '../../src/read-model/read-model.js'
import type { Table } from '../../src/read-model/tables.js'
import { Workspace } from '../projections/projecting.js'

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

let workspace: Workspace
beforeAll(() => {
  workspace = new Workspace()
})
afterAll(() => workspace.remove())

/** Well-formed, without NUL: what any store can hold. */
const texts = fc.oneof(
  fc.string({ unit: 'binary' }).map((text) => text.toWellFormed().replaceAll('\0', '')),
  fc.constantFrom(
    '',
    'null',
    '1',
    '1.10',
    '[1]',
    '{"a":1}',
    '"',
    '\\',
    '\\u0041',
    '\u2028',
    '\u007f',
    '\ud83d\ude00',
    "'",
  ),
)
const integers = fc.oneof(
  fc.maxSafeInteger(),
  fc.constantFrom(0, -1, Number.MAX_SAFE_INTEGER, Number.MIN_SAFE_INTEGER, 2 ** 32, -(2 ** 31)),
)
const columns = ['takenAt', 'text', 'number', 'partition'] as const

it('Values are those of the rows, in their order', () =>
  fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(
        fc.record({ number: integers, text: texts, partition: fc.option(texts), takenAt: fc.option(integers) }),
        { selector: ({ number }) => number, maxLength: 50 },
      ),
      fc.integer({ min: 1, max: 60 }),
      async (rows, limit) => {
        const readModel = new EmbeddedReadModel(workspace.file('read-model.db'))
        try {
          await readModel.prepare([{ projection: 'notes', schema: 1, tables: [notes] }])
          await readModel.write((writer) => writer.put(notes, rows))
          for (const range of [{ limit }, { index: 'text', limit }, { reverse: true, limit }, { from: 1, limit }]) {
            const expected = (await readModel.range(notes, range)).map((row) =>
              columns.map((column): KeyValue => row[column]),
            )
            expect(await readModel.values(notes, columns, range)).toEqual(expected)
          }
          const all = await readModel.range(notes, { limit: 60 })
          expect(all).toEqual([...rows].sort((left, right) => left.number - right.number))
        } finally {
          await readModel.close()
        }
      },
    ),
    { numRuns: 60 },
  ))

it('The image of rows is the same where the rows are, and another one where any value is another', () =>
  fc.assert(
    fc.asyncProperty(
      fc.uniqueArray(
        fc.record({ number: integers, text: texts, partition: fc.option(texts), takenAt: fc.option(integers) }),
        { selector: ({ number }) => number, minLength: 1, maxLength: 50 },
      ),
      fc.nat(),
      fc.constantFrom('text', 'partition', 'takenAt'),
      async (rows, ofRow, column) => {
        const limit = 60
        const readModels = ['one.db', 'other.db'].map((name) => new EmbeddedReadModel(workspace.file(name)))
        const [one, other] = readModels as [EmbeddedReadModel, EmbeddedReadModel]
        try {
          for (const readModel of readModels) {
            await readModel.prepare([{ projection: 'notes', schema: 1, tables: [notes] }])
            await readModel.write((writer) => writer.put(notes, readModel === one ? rows : [...rows].reverse()))
          }
          const image = await one.image(notes, { limit })
          expect(isSameImage(image, await other.image(notes, { limit }))).toBe(true)
          const sorted = [...rows].sort((left, right) => left.number - right.number)
          expect(image.rows).toBe(rows.length)
          expect(image.last).toEqual([sorted.at(-1)?.number])
          expect(image.parts[1]).toBe(JSON.stringify(sorted.map(({ text }) => text)))
          const row = rows[ofRow % rows.length]!
          const changed = { ...row, [column]: column === 'takenAt' ? (row.takenAt ?? 0) - 1 : `${row[column]} ` }
          await other.write((writer) => writer.put(notes, [changed]))
          expect(isSameImage(image, await other.image(notes, { limit }))).toBe(false)
        } finally {
          for (const readModel of readModels) await readModel.close()
        }
      },
    ),
    { numRuns: 60 },
  ))
