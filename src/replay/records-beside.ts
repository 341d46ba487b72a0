/**
 * A fold that does not store usage records: each one that it would insert is compared with the one that is stored at its
 * place, and each one that it looks up is read there. What it adds to cells of sums and counts goes to those that were made
 * of the stored records; everything else goes into scratch rows.
 *
 * A stored record may be read because it is compared as well, and the indexes by which it is found are, at the end. So
 * nothing that is wrong leads to agreement; but what follows from a wrong record is not to be told, only that there is one.
 */
import type {
  BoundedRange,
  KeyValue,
  Range,
  ReadModel,
  RowReader,
  RowsImage,
  RowWriter,
} from '../read-model/read-model.js'
import { usageCells, usageRecords, type Table, type UsageCellRow, type UsageRecordRow } from '../read-model/tables.js'
import { EntrySum, newSumKeys } from './entry-sum.js'
import { scatteredIndexes, sumIndexes, type SummedIndex } from './summed-indexes.js'

/** The log and the rows do not simply agree: its message says what was met first. */
export class Disagreement extends Error {
  override readonly name = 'Disagreement'
}

/** Cancelled records looked for at a time. */
const PAGE_RECORDS = 2_000

type RecordColumn = keyof UsageRecordRow

const columns = Object.keys(usageRecords.columns) as RecordColumn[]
const cancelColumns = ['cancelledAt', 'cancelledSequence', 'cancelledRevision'] as const
const isOfCancel = (column: RecordColumn): boolean => (cancelColumns as readonly RecordColumn[]).includes(column)
const recordedColumns = columns.filter((column) => !isOfCancel(column))
const wanted: readonly RecordColumn[] = [...recordedColumns, ...cancelColumns]
const cancelledSequenceAt = wanted.indexOf('cancelledSequence')

export class RecordsBeside implements Pick<ReadModel, 'write'> {
  private recorded = 0
  private cancelled = 0
  /** Behind the last record that was compared; null before the first. */
  private next: number | null = null
  /** With which whoever sums the stored entries does so. */
  readonly sumKeys = newSumKeys()
  private readonly entries = scatteredIndexes.map(() => new EntrySum(this.sumKeys))

  constructor(
    private readonly scratch: Pick<ReadModel, 'write'>,
    /** What is added to cells of sums and counts goes here. */
    private readonly cells: Pick<ReadModel, 'write'>,
    /** May be further than the fold, and go on meanwhile; never behind it. */
    private readonly stored: RowReader,
  ) {}

  get records(): number {
    return this.recorded
  }

  /** Records and entries of their indexes: as many as are compared. */
  get rows(): number {
    return this.recorded * (1 + scatteredIndexes.length)
  }

  /** @throws Disagreement */
  write(change: (rows: RowWriter, building: RowWriter) => Promise<void>): Promise<void> {
    return this.scratch.write((rows, building) => change(new BesideWriter(rows, this), building))
  }

  /**
   * Compares what could not be while it was folded: that nothing else is stored, and which entries the indexes have. What
   * came after the usage event `until` is not looked at; null: nothing may have. `summed`: the stored entries as somebody
   * found them who could not tell what was being recorded meanwhile; null: nobody did. `onPage` is told how many rows were
   * read.
   *
   * @throws Disagreement
   */
  async conclude(
    stored: RowReader,
    until: number | null,
    summed: readonly SummedIndex[] | null,
    { signal, onPage }: { readonly signal: AbortSignal; readonly onPage: (rows: number) => void },
  ): Promise<void> {
    const others = { ...this.following(), ...upTo(until), limit: 1 }
    if ((await stored.values(usageRecords, ['sequence'], others)).length > 0) {
      throw new Disagreement('A usage record is stored that was never recorded.')
    }
    const cancelled = await this.countCancelled(stored, until, onPage)
    if (cancelled !== this.cancelled) {
      throw new Disagreement(`${this.cancelled} usage records were cancelled, ${cancelled} are stored as cancelled.`)
    }
    const isOfThen = until !== null || summed?.every(({ later }) => later === 0)
    const found = summed && isOfThen ? summed : await sumIndexes(stored, this.sumKeys, until, signal, onPage)
    for (const [place, { index }] of scatteredIndexes.entries()) {
      const { count, values } = this.entries[place] as EntrySum
      const { sums, entries } = found[place] as SummedIndex
      if (entries === count && sums.every((sum, at) => sum === values[at])) continue
      throw new Disagreement(`The index of usage records by ${index} does not have the entries it must have.`)
    }
  }

  /** Of records in the order of the log. */
  async insert(rows: readonly UsageRecordRow[]): Promise<void> {
    const last = rows.at(-1)
    if (!last) return
    const range = { ...this.following(), to: last.sequence + 1, limit: rows.length }
    const { parts } = await this.stored.image(usageRecords, range)
    const isSame = columns.every((column, at) => parts[at] === JSON.stringify(rows.map((row) => row[column])))
    if (!isSame) await this.compareOneByOne(rows, range)
    for (const [place, { columns: of }] of scatteredIndexes.entries()) {
      const sum = this.entries[place] as EntrySum
      const entry = new Array<number>(of.length)
      for (const row of rows) {
        for (let at = 0; at < entry.length; at++) entry[at] = row[of[at] as RecordColumn] as number
        sum.add(entry)
      }
    }
    this.next = last.sequence + 1
    this.recorded += rows.length
  }

  /** Some were cancelled later, or are written differently and the same. */
  private async compareOneByOne(rows: readonly UsageRecordRow[], range: Range<UsageRecordRow>): Promise<void> {
    const found = await this.stored.values(usageRecords, wanted, range)
    // One that is stored between them would take the place of another.
    for (const [place, row] of rows.entries()) {
      const stored = found[place]
      if (stored && isStoredAs(row, stored)) continue
      throw new Disagreement(`Usage record ${row.sequence} is not stored as it was recorded.`)
    }
  }

  /** Of records that were cancelled just now. */
  async cancel(rows: readonly UsageRecordRow[]): Promise<void> {
    const found = await this.stored.get(
      usageRecords,
      rows.map(({ sequence }) => [sequence]),
    )
    for (const [place, row] of rows.entries()) {
      const stored = found[place]
      if (stored && columns.every((column) => stored[column] === row[column])) continue
      throw new Disagreement(`Usage record ${row.sequence} is not stored as it was cancelled.`)
    }
    this.cancelled += rows.length
  }

  /** As they were before they were cancelled: a second cancellation is found to be none when it is compared. */
  async get(keys: readonly (readonly KeyValue[])[], index?: string): Promise<(UsageRecordRow | undefined)[]> {
    const found = await this.stored.get(usageRecords, keys, index)
    return found.map((row) => row && { ...row, cancelledAt: null, cancelledSequence: null, cancelledRevision: null })
  }

  range(range: Range<UsageRecordRow>): Promise<UsageRecordRow[]> {
    return this.stored.range(usageRecords, range)
  }

  private following(): { readonly from?: number } {
    return this.next === null ? {} : { from: this.next }
  }

  addToCells(rows: readonly UsageCellRow[]): Promise<void> {
    return this.cells.write((cells) => cells.add(usageCells, rows))
  }

  private async countCancelled(
    stored: RowReader,
    until: number | null,
    onPage: (rows: number) => void,
  ): Promise<number> {
    // None has a place before the first event: those would not be stored as their records were recorded.
    const within = [{ column: 'cancelledSequence', from: 1, ...upTo(until) }] as const
    let count = 0
    for await (const page of pagesOf(stored, { within }, ['sequence'])) {
      count += page.length
      onPage(page.length)
    }
    return count
  }
}

function upTo(until: number | null): { readonly to?: number } {
  return until === null ? {} : { to: until + 1 }
}

/** A later cancellation may be stored already. */
function isStoredAs(row: UsageRecordRow, stored: readonly KeyValue[]): boolean {
  for (let column = 0; column < recordedColumns.length; column++) {
    if (stored[column] !== row[recordedColumns[column] as RecordColumn]) return false
  }
  const cancelled = stored[cancelledSequenceAt] as number | null
  if (cancelled !== null) return cancelled > row.sequence
  return stored.every((value, column) => column < recordedColumns.length || value === null)
}

async function* pagesOf(
  rows: RowReader,
  range: Omit<Range<UsageRecordRow>, 'limit'>,
  of: readonly RecordColumn[],
): AsyncGenerator<KeyValue[][]> {
  let after: readonly KeyValue[] | undefined
  do {
    const page: KeyValue[][] = await rows.values(usageRecords, of, {
      ...range,
      ...(after && { after }),
      limit: PAGE_RECORDS,
    })
    yield page
    after = page.length === PAGE_RECORDS ? page.at(-1) : undefined
  } while (after)
}

/** Scratch rows, but for usage records. */
class BesideWriter implements RowWriter {
  constructor(
    private readonly rows: RowWriter,
    private readonly records: RecordsBeside,
  ) {}

  get<Row>(table: Table<Row>, keys: readonly (readonly KeyValue[])[], index?: string): Promise<(Row | undefined)[]> {
    if (!isOfRecords(table)) return this.rows.get(table, keys, index)
    return this.records.get(keys, index) as Promise<(Row | undefined)[]>
  }

  range<Row>(table: Table<Row>, range: Range<Row>): Promise<Row[]> {
    if (!isOfRecords(table)) return this.rows.range(table, range)
    return this.records.range(range as Range<unknown>) as Promise<unknown[]> as Promise<Row[]>
  }

  async put<Row>(table: Table<Row>, rows: readonly Row[]): Promise<void> {
    if (!isOfRecords(table)) return this.rows.put(table, rows)
    await this.records.cancel(rows as readonly unknown[] as readonly UsageRecordRow[])
  }

  async insertNew<Row>(table: Table<Row>, rows: readonly Row[]): Promise<boolean[]> {
    if (!isOfRecords(table)) return this.rows.insertNew(table, rows)
    await this.records.insert(rows as readonly unknown[] as readonly UsageRecordRow[])
    return rows.map(() => true)
  }

  values<Row>(table: Table<Row>, of: readonly (keyof Row & string)[], range: Range<Row>): Promise<KeyValue[][]> {
    return this.rows.values(notOfRecords(table), of, range)
  }

  valuesOfEach<Row>(
    table: Table<Row>,
    of: readonly (keyof Row & string)[],
    ranges: readonly BoundedRange[],
  ): Promise<KeyValue[][][]> {
    return this.rows.valuesOfEach(notOfRecords(table), of, ranges)
  }

  rangeOfEach<Row>(
    table: Table<Row>,
    ranges: readonly BoundedRange[],
    how: Pick<Range<Row>, 'index' | 'reverse' | 'where' | 'limit'>,
  ): Promise<Row[][]> {
    return this.rows.rangeOfEach(notOfRecords(table), ranges, how)
  }

  image<Row>(table: Table<Row>, range: Range<Row>): Promise<RowsImage> {
    return this.rows.image(notOfRecords(table), range)
  }

  count<Row>(table: Table<Row>): Promise<number> {
    return this.rows.count(notOfRecords(table))
  }

  async add<Row>(table: Table<Row>, rows: readonly Row[]): Promise<void> {
    if (table.name !== usageCells.name) return this.rows.add(notOfRecords(table), rows)
    if (rows.length > 0) await this.records.addToCells(rows as readonly unknown[] as readonly UsageCellRow[])
  }

  delete<Row>(table: Table<Row>, keys: readonly (readonly KeyValue[])[]): Promise<void> {
    return this.rows.delete(notOfRecords(table), keys)
  }

  deleteBelow<Row>(table: Table<Row>, column: keyof Row & string, bound: number): Promise<void> {
    return this.rows.deleteBelow(notOfRecords(table), column, bound)
  }

  checkpoint(projection: string): ReturnType<RowWriter['checkpoint']> {
    return this.rows.checkpoint(projection)
  }

  setCheckpoint(...args: Parameters<RowWriter['setCheckpoint']>): Promise<void> {
    return this.rows.setCheckpoint(...args)
  }
}

function isOfRecords(table: { readonly name: string }): boolean {
  return table.name === usageRecords.name
}

/** What projections never do with records is not made up here. */
function notOfRecords<Row>(table: Table<Row>): Table<Row> {
  if (isOfRecords(table)) throw new Error('No projection does this with usage records.')
  return table
}
