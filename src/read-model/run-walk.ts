/**
 * Several sorted runs gone through as one: always the entry that comes next in any of them, those of one key added up.
 * A run is read block by block; nothing else of it is in memory.
 */
import { compareEntries } from './entry-order.js'

export type Entries = Float64Array
/** Adds an entry to another one of the same key. */
export type AddEntry = (into: Entries, intoAt: number, from: Entries, fromAt: number) => void

export interface RunShape {
  /** Numbers of an entry, and how many of the first are its key. */
  readonly width: number
  readonly keyColumns: number
  readonly add: AddEntry
}

/** Where blocks of runs are read from. */
export interface BlockReader {
  /** Entries of a block of a run. @throws ReadModelDamaged */
  block(run: Run, number: number): Entries
  /**
   * Number of the last block of a run that begins at or before a key; 0 where none does. It goes by the keys that stand beside
   * the blocks, and those are only sound where they are those of the blocks. @throws ReadModelDamaged
   */
  find(run: Run, key: ArrayLike<number>): number
}

export interface Run {
  readonly run: number
  /** Number of its first block among those of all runs. */
  readonly firstBlock: number
  readonly entries: number
  readonly blocks: number
  /** The block that was read last: the next look is often into the same or the next one. */
  hint: number
}

/**
 * Bounds of a walk: keys, padded with infinities where only their first columns matter; null where there is no bound. `lower`
 * is inclusive, `upper` exclusive.
 */
export interface Bounds {
  readonly lower: readonly number[] | null
  readonly upper: readonly number[] | null
}

class RunCursor {
  values: Entries
  /** Of the entry the cursor stands at, in `values`. */
  at = 0
  private number = 0

  private constructor(
    private readonly reader: BlockReader,
    private readonly run: Run,
    private readonly width: number,
  ) {
    this.values = EMPTY
  }

  /** At the first entry in the bounds (the last one, of a reverse walk); null where there is none. */
  static open(
    reader: BlockReader,
    run: Run,
    { width, keyColumns }: RunShape,
    { lower, upper }: Bounds,
    isReverse: boolean,
  ): RunCursor | null {
    const cursor = new RunCursor(reader, run, width)
    const bound = isReverse ? upper : lower
    if (bound === null) {
      cursor.load(isReverse ? run.blocks - 1 : 0)
      cursor.at = isReverse ? cursor.values.length - width : 0
    } else {
      cursor.load(cursor.blockOf(bound, keyColumns, isReverse))
      cursor.at = firstNotBefore(cursor.values, width, keyColumns, bound)
      // Of a block that begins before the bound everything may be before it; the next one then begins behind it.
      if (isReverse ? !cursor.back() : cursor.at === cursor.values.length && !cursor.loadNext()) return null
    }
    const end = isReverse ? lower : upper
    if (end === null) return cursor
    const order = compareEntries(cursor.values, cursor.at, end, 0, keyColumns)
    return (isReverse ? order >= 0 : order < 0) ? cursor : null
  }

  next(): boolean {
    this.at += this.width
    return this.at < this.values.length || this.loadNext()
  }

  back(): boolean {
    if (this.at > 0) {
      this.at -= this.width
      return true
    }
    if (this.number === 0) return false
    this.load(this.number - 1)
    this.at = this.values.length - this.width
    return true
  }

  private loadNext(): boolean {
    if (this.number + 1 >= this.run.blocks) return false
    this.load(this.number + 1)
    this.at = 0
    return true
  }

  /** The last block that begins at or before the bound, or the first one. */
  private blockOf(bound: readonly number[], keyColumns: number, isReverse: boolean): number {
    const { run, reader, width } = this
    if (run.blocks === 1) return 0
    for (const number of [run.hint, run.hint + 1]) {
      if (number >= run.blocks) break
      const values = reader.block(run, number)
      if (compareEntries(values, 0, bound, 0, keyColumns) > 0) {
        // Between the block that was read last and the next one there is nothing.
        if (number > run.hint) return number
        break
      }
      const isLast = number + 1 === run.blocks
      if (isLast || compareEntries(values, values.length - width, bound, 0, keyColumns) >= 0) return number
    }
    const found = reader.find(run, bound)
    // Going on, a walk comes to the next block and sees what leads to it; going back it does not.
    if (isReverse && found + 1 < run.blocks) reader.block(run, found + 1)
    return found
  }

  private load(number: number): void {
    this.values = this.reader.block(this.run, number)
    this.number = number
    this.run.hint = number
  }
}

const EMPTY: Entries = new Float64Array(0)

function firstNotBefore(values: Entries, width: number, keyColumns: number, bound: readonly number[]): number {
  let low = 0
  let high = values.length / width
  while (low < high) {
    const middle = (low + high) >>> 1
    if (compareEntries(values, middle * width, bound, 0, keyColumns) < 0) low = middle + 1
    else high = middle
  }
  return low * width
}

/** The cursors stand in the order of their entries, so that going on mostly compares the first one with the second. */
export class RunWalk {
  /** The entry it stands at, once `next` answered true. Overwritten by the next one. */
  readonly entry: Entries
  private readonly cursors: RunCursor[]

  constructor(
    reader: BlockReader,
    runs: readonly Run[],
    private readonly shape: RunShape,
    private readonly bounds: Bounds = { lower: null, upper: null },
    private readonly isReverse = false,
  ) {
    this.entry = new Float64Array(shape.width)
    this.cursors = runs.flatMap((run) => RunCursor.open(reader, run, shape, bounds, isReverse) ?? [])
    this.cursors.sort((one, other) => this.order(one, other))
  }

  next(): boolean {
    const { cursors, shape, entry } = this
    const { keyColumns, width, add } = shape
    const [first] = cursors
    if (first === undefined) return false
    for (let column = 0; column < width; column++) entry[column] = first.values[first.at + column] as number
    let same = 1
    for (; same < cursors.length; same++) {
      const { values, at } = cursors[same] as RunCursor
      if (compareEntries(values, at, entry, 0, keyColumns) !== 0) break
      add(entry, 0, values, at)
    }
    // Behind each of them the others are in order already.
    for (let place = same - 1; place >= 0; place--) this.advance(place)
    return true
  }

  private advance(place: number): void {
    const { cursors } = this
    const cursor = cursors[place] as RunCursor
    if (!(this.isReverse ? cursor.back() : cursor.next()) || this.isBeyond(cursor)) {
      cursors.splice(place, 1)
      return
    }
    let to = place
    for (; to + 1 < cursors.length; to++) {
      const following = cursors[to + 1] as RunCursor
      if (this.order(cursor, following) <= 0) break
      cursors[to] = following
    }
    cursors[to] = cursor
  }

  private isBeyond(cursor: RunCursor): boolean {
    const { lower, upper } = this.bounds
    const end = this.isReverse ? lower : upper
    if (end === null) return false
    const order = compareEntries(cursor.values, cursor.at, end, 0, this.shape.keyColumns)
    return this.isReverse ? order < 0 : order >= 0
  }

  private order(one: RunCursor, other: RunCursor): number {
    const order = compareEntries(one.values, one.at, other.values, other.at, this.shape.keyColumns)
    return this.isReverse ? -order : order
  }
}
