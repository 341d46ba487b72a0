/**
 * Entries of whole numbers, kept in sorted runs: what one transaction adds is a run of its own, and runs of a like size are
 * merged into one, a little with each transaction. So entries in any order cost what writing them one behind the other
 * costs, however many there are.
 *
 * A run is never changed. Which ones there are is read with the rows' own snapshot, so readers see whole transactions. The
 * order in which runs were made does not matter: two entries of one key are added up, whichever comes first.
 */
import type Database from 'better-sqlite3'
import { compareEntries, sortedPlaces } from './entry-order.js'
import { packColumns, unpackColumns } from './packed-columns.js'
import { ReadModelDamaged } from './read-model.js'
import type { BlocksOfTable, RememberedBlocks } from './remembered-blocks.js'
import { RunWalk, type BlockReader, type Bounds, type Entries, type Run, type RunShape } from './run-walk.js'

/** Entries of a block: up to 3 kB, which fits into a page. */
const BLOCK_ENTRIES = 128
/** Runs of one level that are merged into one of the next. */
const MERGED_RUNS = 4
/** Entries merged with each transaction: as many times what it added as there may be levels, and always some. */
const MERGED_PER_ADDED = 10
const MERGED_MIN = 2_048
/** Blocks of merged runs that are taken away with each transaction: some, and twice what it may have merged. */
const REMOVED_BLOCKS_MIN = 256
const REMOVED_PER_MERGED = 2
/** Levels that are none: a run that is still being made, and one whose blocks are being taken away. */
const MAKING = -1
const REMOVED = -2

export const MENDING =
  'Build the projection anew, or remove the files of the read model: they are made again from the log.'

export interface KeptRuns extends RunShape {
  /** Of its tables in the database. */
  readonly name: string
}

export function createRunsStatements(name: string, keyColumns: number): string[] {
  const keys = keyNames(keyColumns)
  return [
    `CREATE TABLE ${name}_runs (run INTEGER PRIMARY KEY AUTOINCREMENT, first_block INTEGER NOT NULL, level INTEGER NOT NULL,
      entries INTEGER NOT NULL, blocks INTEGER NOT NULL) STRICT`,
    `CREATE TABLE ${name}_blocks (block INTEGER PRIMARY KEY, run INTEGER NOT NULL,
      ${keys.map((key) => `${key} INTEGER NOT NULL`).join(', ')}, entries BLOB NOT NULL) STRICT`,
    `CREATE INDEX ${name}_block_keys ON ${name}_blocks (run, ${keys.join(', ')})`,
  ]
}

interface Merge {
  readonly level: number
  readonly sources: readonly Run[]
  readonly walk: RunWalk
  readonly writer: RunWriter
}

export class SortedRuns implements BlockReader {
  private runs: LevelledRun[] | null = null
  private readonly blocks: BlocksOfTable
  private readonly merges: Merge[] = []
  private hasRemoved = true
  private added = 0

  private readonly statements: RunStatements

  constructor(
    database: Database.Database,
    private readonly shape: KeptRuns,
    private readonly remembered: RememberedBlocks,
  ) {
    this.statements = new RunStatements(database, shape)
    this.blocks = remembered.of(shape.name)
  }

  /** Another connection may have changed what runs there are. */
  lookAgain(): void {
    this.runs = null
  }

  /** What was written since the last commit is not there. */
  forget(): void {
    this.runs = null
    this.remembered.forget(this.shape.name)
    this.merges.length = 0
    this.added = 0
    this.hasRemoved = true
  }

  get name(): string {
    return this.shape.name
  }

  walk(bounds?: Bounds, isReverse?: boolean): RunWalk {
    return new RunWalk(this, this.visible(), this.shape, bounds, isReverse)
  }

  /** Adds `count` entries in any order. They are sorted; equal keys are added up. */
  add(entries: Entries, count: number): void {
    if (count === 0) return
    const { width, keyColumns } = this.shape
    const places = sortedPlaces(entries, count, width, keyColumns)
    const writer = new RunWriter(this.statements, this.shape, count)
    for (let at = 0; at < count; at++) writer.add(entries, (places[at] as number) * width)
    this.take(writer)
    this.added += count
  }

  /** Merges and takes away what is due, in the transaction of what was added. */
  tend(): void {
    if (this.added === 0) return
    const merged = MERGED_MIN + this.added * MERGED_PER_ADDED
    this.added = 0
    let left = merged
    this.beginMerges()
    // The smaller ones first: they keep the number of runs low.
    this.merges.sort((one, other) => one.level - other.level)
    for (let index = 0; index < this.merges.length && left > 0;) {
      const merge = this.merges[index] as Merge
      const { walk, writer } = merge
      while (left > 0 && walk.next()) {
        writer.add(walk.entry, 0)
        left--
      }
      if (left === 0) break
      this.merges.splice(index, 1)
      this.finish(merge)
      this.beginMerges()
    }
    if (this.hasRemoved) this.removeSome(REMOVED_BLOCKS_MIN + Math.ceil((REMOVED_PER_MERGED * merged) / BLOCK_ENTRIES))
  }

  /** Of all runs; entries of one key that are in several are not one yet. */
  entries(): number {
    return this.visible().reduce((sum, { entries }) => sum + entries, 0)
  }

  block({ run, firstBlock }: Run, number: number): Entries {
    const { name, keyColumns } = this.shape
    const id = firstBlock + number
    const known = this.blocks.get(id)
    if (known) return known
    const row = this.statements.block.get(id)
    if (!row) throw new ReadModelDamaged(`Block ${number} of run ${run} of ${name} is missing. ${MENDING}`)
    const [packed, itsRun, ...key] = row
    const entries = unpackColumns(packed, this.shape.width, id)
    // What leads to a block stands beside it: the run it is of, and the key of its first entry.
    const isSound =
      entries && entries.length > 0 && itsRun === run && compareEntries(entries, 0, key, 0, keyColumns) === 0
    if (!isSound) throw new ReadModelDamaged(`Block ${number} of run ${run} of ${name} is damaged. ${MENDING}`)
    this.remembered.remember(this.blocks, id, entries)
    return entries
  }

  find({ run, firstBlock, blocks }: Run, key: ArrayLike<number>): number {
    const found = this.statements.find.get(run, ...Array.from(key))
    const number = found ? found.block - firstBlock : 0
    if (number >= 0 && number < blocks) return number
    throw new ReadModelDamaged(`Run ${run} of ${this.shape.name} leads to a block that is not its own. ${MENDING}`)
  }

  private visible(): LevelledRun[] {
    this.runs ??= this.statements.runs.all().map((run) => this.sound({ ...run, hint: 0 }))
    return this.runs
  }

  private sound(run: LevelledRun): LevelledRun {
    if (run.blocks >= 1 && run.entries >= run.blocks && run.entries <= run.blocks * BLOCK_ENTRIES) return run
    throw new ReadModelDamaged(`Run ${run.run} of ${this.shape.name} is damaged. ${MENDING}`)
  }

  private take(writer: RunWriter): void {
    // Looked up before the run is among them.
    const runs = this.visible()
    runs.push(writer.finish())
  }

  private beginMerges(): void {
    const levels = new Map<number, Run[]>()
    for (const run of this.visible()) {
      const same = levels.get(run.level) ?? []
      same.push(run)
      levels.set(run.level, same)
    }
    for (const [level, sources] of levels) {
      if (sources.length < MERGED_RUNS || this.merges.some((merge) => merge.level === level)) continue
      const walk = new RunWalk(this, sources, this.shape)
      const entries = sources.reduce((sum, run) => sum + run.entries, 0)
      this.merges.push({ level, sources, walk, writer: new RunWriter(this.statements, this.shape, entries) })
    }
  }

  private finish({ sources, writer }: Merge): void {
    for (const { run } of sources) this.statements.remove.run(run)
    this.hasRemoved = true
    this.runs = this.visible().filter((run) => !sources.includes(run))
    this.take(writer)
  }

  /** Also what was being merged when a process ended or a transaction was taken back. */
  private removeSome(blocks: number): void {
    const making = new Set(this.merges.map(({ writer }) => writer.run))
    let left = blocks
    for (const { run, firstBlock, level } of this.statements.removed.all()) {
      if (level === MAKING && making.has(run)) continue
      left -= this.statements.removeBlocks.run(firstBlock, run, left).changes
      if (left === 0) return
      this.statements.removeRun.run(run)
    }
    this.hasRemoved = false
  }
}

/**
 * Writes one run, block by block. It is there once it is finished. Blocks are numbered through all runs and no number is used
 * twice, so whoever remembers a block knows what is in it. A run has as many numbers as it may need, and is named by the last.
 */
class RunWriter {
  private readonly values: Entries
  private filled = 0
  private entries = 0
  private blocks = 0
  readonly run: number
  private readonly firstBlock: number

  constructor(
    private readonly statements: RunStatements,
    private readonly shape: KeptRuns,
    entriesMax: number,
  ) {
    this.values = new Float64Array(BLOCK_ENTRIES * shape.width)
    const begun = statements.begin.get(Math.ceil(entriesMax / BLOCK_ENTRIES)) as NumberedRun
    this.run = begun.run
    this.firstBlock = begun.firstBlock
  }

  /** The next entry; one of the same key as the one before is added to that. */
  add(from: Entries, fromAt: number): void {
    const { values, shape } = this
    const { width, keyColumns, add } = shape
    let at = this.filled * width
    if (this.filled > 0 && compareEntries(values, at - width, from, fromAt, keyColumns) === 0) {
      return add(values, at - width, from, fromAt)
    }
    if (this.filled === BLOCK_ENTRIES) {
      this.flush()
      at = 0
    }
    for (let column = 0; column < width; column++) values[at + column] = from[fromAt + column] as number
    this.filled++
    this.entries++
  }

  finish(): LevelledRun {
    if (this.filled > 0) this.flush()
    const { run, firstBlock, entries, blocks } = this
    const level = levelOf(entries)
    this.statements.finish.run(level, entries, blocks, run)
    return { run, firstBlock, level, entries, blocks, hint: 0 }
  }

  private flush(): void {
    const { shape, values, filled, run } = this
    const keys = Array.from(values.subarray(0, shape.keyColumns))
    const id = this.firstBlock + this.blocks
    if (id > run) throw new Error(`Run ${run} of ${shape.name} has more entries than it was begun for.`)
    this.statements.insert.run(id, run, ...keys, packColumns(values, filled, shape.width, id))
    this.blocks++
    this.filled = 0
  }
}

function levelOf(entries: number): number {
  let level = 0
  for (let size = MERGED_RUNS; size <= entries; size *= MERGED_RUNS) level++
  return level
}

interface LevelledRun extends Run {
  readonly level: number
}

type NumberedRun = Pick<Run, 'run' | 'firstBlock'>

/** Prepared once. */
class RunStatements {
  readonly begin: Database.Statement<[blocks: number], NumberedRun>
  readonly insert: Database.Statement<unknown[]>
  readonly finish: Database.Statement<[level: number, entries: number, blocks: number, run: number]>
  readonly remove: Database.Statement<[run: number]>
  readonly removed: Database.Statement<[], NumberedRun & { level: number }>
  readonly removeBlocks: Database.Statement<[first: number, last: number, limit: number]>
  readonly removeRun: Database.Statement<[run: number]>
  readonly runs: Database.Statement<[], Omit<LevelledRun, 'hint'>>
  readonly block: Database.Statement<[block: number], [entries: Buffer, run: number, ...keys: number[]]>
  readonly find: Database.Statement<number[], { block: number }>

  constructor(database: Database.Database, { name, keyColumns }: KeptRuns) {
    const keys = keyNames(keyColumns)
    const places = keys.map(() => '?').join(', ')
    this.begin = database.prepare(
      `INSERT INTO ${name}_runs (run, first_block, level, entries, blocks)
       SELECT used + ?, used + 1, ${MAKING}, 0, 0
       FROM (SELECT coalesce(max(seq), 0) AS used FROM sqlite_sequence WHERE name = '${name}_runs')
       RETURNING run, first_block AS firstBlock`,
    )
    this.insert = database.prepare(`INSERT INTO ${name}_blocks VALUES (?, ?, ${places}, ?)`)
    this.finish = database.prepare(`UPDATE ${name}_runs SET level = ?, entries = ?, blocks = ? WHERE run = ?`)
    this.remove = database.prepare(`UPDATE ${name}_runs SET level = ${REMOVED} WHERE run = ?`)
    this.removed = database.prepare(
      `SELECT run, first_block AS firstBlock, level FROM ${name}_runs WHERE level < 0 ORDER BY run`,
    )
    this.removeBlocks = database.prepare(
      `DELETE FROM ${name}_blocks WHERE block IN
       (SELECT block FROM ${name}_blocks WHERE block BETWEEN ? AND ? LIMIT ?)`,
    )
    this.removeRun = database.prepare(`DELETE FROM ${name}_runs WHERE run = ?`)
    this.runs = database.prepare(
      `SELECT run, first_block AS firstBlock, level, entries, blocks FROM ${name}_runs WHERE level >= 0`,
    )
    this.block = database
      .prepare<[block: number], [Buffer, number, ...number[]]>(
        `SELECT entries, run, ${keys.join(', ')} FROM ${name}_blocks WHERE block = ?`,
      )
      .raw(true)
    this.find = database.prepare(
      `SELECT block FROM ${name}_blocks WHERE run = ? AND (${keys.join(', ')}) <= (${places})
       ORDER BY ${keys.map((key) => `${key} DESC`).join(', ')} LIMIT 1`,
    )
  }
}

function keyNames(keyColumns: number): string[] {
  return Array.from({ length: keyColumns }, (_, column) => `key${column}`)
}
