/**
 * Builds projections anew beside the live ones, in slices between which the live rows are kept up to date:
 *
 * 1. *building*: the log is folded into new tables, never further than the live rows are;
 * 2. *comparing*: from here on every batch is folded into both in one transaction, so both stand at the same event whenever
 *    a slice of their rows is compared; differences are told, and are what the switch mends;
 * 3. the new tables take the place of the old ones in one step.
 *
 * Until then the old tables serve. How far it is stands beside the rows and is committed with them, so after a crash it
 * goes on where it was.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { charactersOf, type EventStore, type Position, type RecordedEvent } from '../event-store/event-store.js'
import { StreamOrder } from '../event-store/stream-order.js'
import { categories } from '../event-store/streams.js'
import {
  ReadModelUnavailable,
  START,
  type Checkpoint,
  type ReadModel,
  type RowReader,
  type RowWriter,
} from '../read-model/read-model.js'
import { isSameCheckpoint } from './checkpoints.js'
import { compareRows, countRows, type ComparedSlice, type RowDifference } from './compare-rows.js'
import { projectedBatch } from './projected-batch.js'
import { ProjectionStopped, type ProjectedEvent, type Projection } from './projection.js'

/** Differences that are told one by one; all are counted. */
export const DIFFERENCES_MAX = 100
/** What differences call the table of checkpoints. */
export const CHECKPOINTS = 'projections'
/** Events of one slice, and characters of their data: about as long as a batch of a busy service takes. */
const SLICE_EVENTS = 4_000
const SLICE_CHARACTERS = 4 * 1024 * 1024
/** What a slow log gave by then is written: the live rows wait no longer, and others see that this process works. */
const SLICE_MS = 250
/** After a slice that could not be written. */
const RETRY_MS = 100
/** A log that ends before the live rows: another node of a cluster may have the rest, and it comes; or it was lost. */
const END_PATIENCE_MS = 5_000

export interface RebuildRequest {
  /** Names; all projections where there are none. */
  readonly projections: readonly string[]
  /** Whether the old tables stay in the file. */
  readonly keep: boolean
  /** Its states have it, so that whoever asked knows them among those of others. */
  readonly id?: string
}

export interface RebuildState {
  readonly projections: readonly string[]
  readonly status: 'building' | 'comparing' | 'completed' | 'failed'
  /** Usage events folded so far, and how many there are; then rows compared. */
  readonly sequence: number
  readonly wantedSequence: number
  readonly rows: number
  /** How many there are to compare; 0 while that is not known. */
  readonly wantedRows: number
  readonly differenceCount: number
  /** At most `DIFFERENCES_MAX`. */
  readonly differences: readonly RowDifference[]
  /** Milliseconds it has worked since it was begun or resumed. */
  readonly elapsedMs: number
  readonly failure: string | null
  /** Why it cannot go on just now, and is tried again; null while it does. */
  readonly waitingReason: string | null
  /** For whoever begins it in the place of a process that ends; not known of one that was begun by another. */
  readonly keep?: boolean
  /** Of the request; not known of one that a process before began, or of an earlier version. */
  readonly id?: string
  /** Of one that failed only for whoever asked: another one ran, or was begun before it was seen how this one ended. */
  readonly outcome?: 'refused' | 'unseen'
}

export class Rebuilding {
  private events: AsyncIterator<readonly RecordedEvent[]> | null = null
  /** Asked for, and not there yet. */
  private nextEvents: Promise<IteratorResult<readonly RecordedEvent[]>> | null = null
  /** Since when the log has given nothing more, though the live rows are further; null while it does. */
  private endedAt: number | null = null
  private order = new StreamOrder()
  private slices: AsyncIterator<ComparedSlice> | null = null
  private reached: Checkpoint
  /** Whether the new tables are there. */
  private hasBegun: boolean
  private differenceCount = 0
  private readonly differences: RowDifference[] = []
  private rows = 0
  private wantedRows = 0
  private wanted = 0
  private status: RebuildState['status'] = 'building'
  private failure: string | null = null
  private hindrance: string | null = null
  private hinderedAtRow = 0
  private readonly since = performance.now()

  private constructor(
    private readonly store: EventStore,
    private readonly readModel: ReadModel,
    /** Of its own: what they remember is of the new tables. */
    private readonly projections: readonly Projection[],
    from: Checkpoint,
    /** What was asked for; null of one that another process began, which stands beside the rows. */
    private readonly request: RebuildRequest | null,
    private readonly onState: (state: RebuildState) => void,
  ) {
    this.reached = from
    this.hasBegun = request === null
  }

  /** Begins anew with the first step; whatever was being built before is dropped then. */
  static begin(
    store: EventStore,
    readModel: ReadModel,
    all: readonly Projection[],
    request: RebuildRequest,
    onState: (state: RebuildState) => void,
  ): Rebuilding {
    const { projections: names } = request
    const projections = all.filter(({ projection }) => names.length === 0 || names.includes(projection))
    return new Rebuilding(store, readModel, projections, START, request, onState)
  }

  /** Goes on with what a process before this one began; null where there is nothing. */
  static async resume(
    store: EventStore,
    readModel: ReadModel,
    all: readonly Projection[],
    onState: (state: RebuildState) => void,
  ): Promise<Rebuilding | null> {
    const builds = await readModel.builds()
    const [first] = builds.values()
    if (!first) return null
    const projections = all.filter(({ projection }) => builds.has(projection))
    if (projections.length < builds.size || [...builds.values()].some(({ event }) => event !== first.event)) {
      // Of another version, or not all at one event: not worth mending.
      await readModel.abandonBuild()
      return null
    }
    return new Rebuilding(store, readModel, projections, first, null, onState)
  }

  get isOver(): boolean {
    return this.status === 'completed' || this.status === 'failed'
  }

  /** See `RebuildState`. */
  get waitingReason(): string | null {
    return this.hindrance
  }

  /** Whether every batch is folded into both. */
  get isBesides(): boolean {
    return this.status === 'comparing'
  }

  /** The live rows stand at `live`. Does one slice of work; a failure ends the rebuild and nothing else. */
  async step(live: Checkpoint): Promise<void> {
    this.wanted = live.sequence
    try {
      if (!this.hasBegun) {
        await this.readModel.beginBuild(this.projections, this.request?.keep === true)
        this.hasBegun = true
      }
      if (this.status === 'building') {
        // Nothing came of the log, so nothing is told: a sign is given by who gets on.
        if (!(await this.build(live))) return
      } else if (this.status === 'comparing') await this.compare()
      // Rows are compared from the first again.
      if (this.status !== 'comparing' || this.rows >= this.hinderedAtRow) this.hindrance = null
    } catch (error) {
      if (!(error instanceof ReadModelUnavailable)) return this.fail(error)
      this.hindrance = error.message
      this.hinderedAtRow = this.rows
      this.startOver()
      await delay(RETRY_MS)
    }
    this.say()
  }

  /** Folds a batch that the live rows get in the same transaction. */
  async fold(events: readonly ProjectedEvent[], reached: Checkpoint, building: RowWriter): Promise<void> {
    if (this.status !== 'comparing') return
    await this.apply(events, reached, building)
  }

  /** The batch was committed. */
  committed(reached: Checkpoint): void {
    if (this.status === 'comparing') this.reached = reached
  }

  forget(): void {
    // What was read is read again: some of it may not have been committed.
    this.endReading()
    this.endedAt = null
    this.order = new StreamOrder()
    for (const projection of this.projections) projection.forget?.()
  }

  /** What was being read is read again. */
  private startOver(): void {
    this.forget()
    this.slices = null
    this.rows = 0
    this.differenceCount = 0
    this.differences.length = 0
  }

  /** A read that is left open would keep its thread from ending. */
  private endReading(): void {
    void this.events?.return?.()
    this.events = null
    this.nextEvents = null
  }

  async fail(error: unknown): Promise<void> {
    this.endReading()
    this.status = 'failed'
    this.hindrance = null
    this.failure = error instanceof Error ? error.message : String(error)
    await this.readModel.abandonBuild().catch((after: unknown) => {
      // The next one takes its place.
      this.failure += ` What was built could not be dropped: ${after instanceof Error ? after.message : String(after)}`
    })
    this.say()
  }

  /** Whether it got on. */
  private async build(live: Checkpoint): Promise<boolean> {
    if (this.reached.position === live.position) {
      if (!isSameCheckpoint(this.reached, live)) throw otherUsage(this.reached, live)
      this.endReading()
      this.status = 'comparing'
      return true
    }
    const until = performance.now() + SLICE_MS
    const batch: RecordedEvent[] = []
    let characters = 0
    let isEnd = false
    while (batch.length < SLICE_EVENTS && characters < SLICE_CHARACTERS) {
      const result = await this.eventsBefore(
        until,
        batch.at(-1)?.position ?? (this.reached.position as Position | null),
      )
      if (result === null) break
      if (result.done === true) {
        this.events = null
        isEnd = batch.length === 0
        break
      }
      const page = result.value
      const isAhead = ({ position }: RecordedEvent): boolean =>
        live.position === null || this.store.comparePositions(position, live.position as Position) > 0
      const known = page.filter((event) => !isAhead(event))
      batch.push(...known)
      for (const { data } of known) characters += charactersOf(data)
      if (known.length === page.length) continue
      this.endReading()
      break
    }
    if (isEnd) return this.waitBehindEnd(live)
    if (batch.length === 0) return this.nextEvents === null
    this.endedAt = null
    const knownBefore = await this.order.beginBefore(batch, this.store, performance.now() + SLICE_MS)
    if (knownBefore < batch.length) {
      // The rest is read again.
      this.endReading()
      batch.length = knownBefore
    }
    const { events, reached } = projectedBatch(batch, this.reached, (event) => this.order.require(event))
    await this.readModel.write((_, building) => this.apply(events, reached, building))
    this.reached = reached
    return true
  }

  /** @throws ProjectionStopped where nothing came for so long. */
  private async waitBehindEnd(live: Checkpoint): Promise<boolean> {
    this.endedAt ??= performance.now()
    if (performance.now() - this.endedAt >= END_PATIENCE_MS) throw otherUsage(this.reached, live)
    await delay(RETRY_MS)
    return false
  }

  /** What comes next in the log, `after` what was read of it; null where that is not there in time, and waited for on. */
  private async eventsBefore(
    until: number,
    after: Position | null,
  ): Promise<IteratorResult<readonly RecordedEvent[]> | null> {
    this.events ??= this.eventsAfter(after)
    const asked = (this.nextEvents ??= this.events.next())
    // Where it fails between two slices it is told with the next one.
    asked.catch(() => undefined)
    const inTime = new AbortController()
    const late = delay(Math.max(0, until - performance.now()), null, { signal: inTime.signal }).catch(() => null)
    const result = await Promise.race([asked, late]).finally(() => inTime.abort())
    if (result !== null) this.nextEvents = null
    return result
  }

  private eventsAfter(after: Position | null): AsyncIterator<readonly RecordedEvent[]> {
    return this.store
      .readAll({ after, categories: Object.values(categories), patience: 'background' })
      [Symbol.asyncIterator]()
  }

  private async apply(events: readonly ProjectedEvent[], reached: Checkpoint, rows: RowWriter): Promise<void> {
    for (const projection of this.projections) {
      await projection.apply(events, rows)
      await rows.setCheckpoint(projection.projection, reached)
    }
  }

  private async compare(): Promise<void> {
    const tables = this.projections.flatMap((projection) => projection.tables)
    if (!this.slices) {
      const building = this.readerOf('building')
      await this.compareCheckpoints()
      this.wantedRows = await countRows(building, tables)
      this.slices = compareRows(building, this.readerOf('live'), tables)[Symbol.asyncIterator]()
    }
    const result = await this.slices.next()
    if (result.done !== true) {
      const { rows, differences, damage } = result.value
      this.rows += rows
      for (const difference of differences) this.differ(difference)
      if (damage) this.differ({ table: damage.table, key: {}, expected: null, found: { damage: damage.message } })
      return
    }
    const checkpoints = await this.readModel.builds()
    for (const { projection } of this.projections) {
      if (checkpoints.get(projection)?.event === this.reached.event) continue
      throw new ProjectionStopped(`The rebuilt projection ${projection} does not stand where the live one does.`)
    }
    this.status = 'completed'
    try {
      await this.readModel.switchBuild(JSON.stringify(this.state))
    } catch (error) {
      this.status = 'comparing'
      throw error
    }
  }

  /** Of what the switch mends: those that a batch of the log has set since are right. */
  private async compareCheckpoints(): Promise<void> {
    for (const { projection } of this.projections) {
      const found = await this.readModel.checkpoint(projection)
      if (isSameCheckpoint(found, this.reached)) continue
      const [expected, key] = [{ ...this.reached }, { projection }]
      this.differ({ table: CHECKPOINTS, key, expected, found: { ...found } })
    }
  }

  private differ(difference: RowDifference): void {
    this.differenceCount++
    if (this.differences.length < DIFFERENCES_MAX) this.differences.push(difference)
  }

  /** Both sides are read on the writing connection, between two batches. */
  private readerOf(side: 'building' | 'live'): RowReader {
    const read = async <Result>(use: (rows: RowReader) => Promise<Result>): Promise<Result> => {
      let result: Result | undefined
      await this.readModel.write(async (rows, building) => {
        result = await use(side === 'live' ? rows : building)
      })
      return result as Result
    }
    return {
      get: (table, keys, index) => read((rows) => rows.get(table, keys, index)),
      range: (table, range) => read((rows) => rows.range(table, range)),
      values: (table, columns, range) => read((rows) => rows.values(table, columns, range)),
      valuesOfEach: (table, columns, ranges) => read((rows) => rows.valuesOfEach(table, columns, ranges)),
      rangeOfEach: (table, ranges, how) => read((rows) => rows.rangeOfEach(table, ranges, how)),
      image: (table, range) => read((rows) => rows.image(table, range)),
      count: (table) => read((rows) => rows.count(table)),
      checkpoint: (projection) => read((rows) => rows.checkpoint(projection)),
    }
  }

  private say(): void {
    this.onState(this.state)
  }

  get state(): RebuildState {
    return {
      projections: this.projections.map(({ projection }) => projection),
      status: this.status,
      sequence: this.reached.sequence,
      wantedSequence: this.wanted,
      rows: this.rows,
      // Rows are added meanwhile, and some may have been counted more than once.
      wantedRows: this.status === 'completed' ? this.rows : Math.max(this.wantedRows, this.rows),
      differenceCount: this.differenceCount,
      differences: this.differences,
      elapsedMs: Math.round(performance.now() - this.since),
      failure: this.failure,
      waitingReason: this.hindrance,
      ...(this.request && { keep: this.request.keep, ...idOf(this.request) }),
    }
  }
}

/** Where there is one. */
export function idOf({ id }: Pick<RebuildRequest, 'id'>): Pick<RebuildRequest, 'id'> {
  return id === undefined ? {} : { id }
}

/** Whole streams may be missing, or their ends: no gap shows that. */
function otherUsage(reached: Checkpoint, live: Checkpoint): ProjectionStopped {
  const what =
    reached.sequence === live.sequence
      ? `does not have event ${live.event}, up to which the rows were made`
      : `has ${reached.sequence} usage events up to where the rows stand, and the rows were made from ${live.sequence}`
  return new ProjectionStopped(
    `The event log ${what}. Restore the log from a backup: the rows may be all that is left of what it lacks.`,
  )
}
