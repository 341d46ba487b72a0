/**
 * The log folded once more, by the same projections, into a read model of its own. Nothing of the live rows is looked at.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import {
  categoryOf,
  charactersOf,
  type EventStore,
  type Position,
  type RecordedEvent,
} from '../event-store/event-store.js'
import { categories } from '../event-store/streams.js'
import { projectedBatch } from '../projections/projected-batch.js'
import type { ProjectedEvent, Projection } from '../projections/projection.js'
import { START, type Checkpoint, type ReadModel, type RowReader } from '../read-model/read-model.js'
import { LogCheck, type Contradiction } from './log-check.js'

/** Events of one transaction, and characters of their data. */
const BATCH_EVENTS = 8_000
const BATCH_CHARACTERS = 4 * 1024 * 1024

/** Looks at the events of each batch once they are in the rows. */
export interface Watcher {
  folded(events: readonly ProjectedEvent[], rows: RowReader): Promise<void>
}

export interface RefoldOptions {
  readonly signal: AbortSignal
  readonly onContradiction: (contradiction: Contradiction) => void
  readonly onProgress: (events: number) => void
  readonly watcher?: Watcher | null
}

/** Where folding ends: with the event at a position, or with a usage event. */
export interface Target {
  readonly position: Position | null
  readonly sequence: number | null
}

export class Refold {
  private readonly check: LogCheck
  private reached: Checkpoint = START
  private folded = 0

  constructor(
    private readonly store: EventStore,
    private readonly readModel: Pick<ReadModel, 'write'>,
    private readonly projections: readonly Projection[],
    private readonly options: RefoldOptions,
  ) {
    this.check = new LogCheck(options.onContradiction)
  }

  /** Of the last event folded. */
  get checkpoint(): Checkpoint {
    return this.reached
  }

  get events(): number {
    return this.folded
  }

  /** Goes on to the target, or to the end of the log where that comes first. @throws where the log cannot be folded. */
  async to({ position, sequence }: Target): Promise<void> {
    const after = this.reached.position as Position | null
    let batch: RecordedEvent[] = []
    let usage = this.reached.sequence
    let characters = 0
    for await (const page of this.store.readAll({
      after,
      categories: Object.values(categories),
      patience: 'background',
    })) {
      for (const event of page) {
        const isUsage = categoryOf(event.stream) === categories.usage
        const isBehind =
          (position !== null && this.store.comparePositions(event.position, position) > 0) ||
          (sequence !== null && isUsage && usage >= sequence)
        if (isBehind) return this.fold(batch)
        if (isUsage) usage++
        batch.push(event)
        characters += charactersOf(event.data)
      }
      if (batch.length < BATCH_EVENTS && characters < BATCH_CHARACTERS) continue
      await this.fold(batch)
      batch = []
      characters = 0
      // Lets a signal in.
      await nextTurn()
    }
    await this.fold(batch)
  }

  private async fold(recorded: readonly RecordedEvent[]): Promise<void> {
    this.options.signal.throwIfAborted()
    if (recorded.length === 0) return
    const { events, reached } = projectedBatch(recorded, this.reached, (event) => this.check.revision(event))
    await this.readModel.write(async (rows) => {
      for (const projection of this.projections) await projection.apply(events, rows)
      await this.check.events(events, rows)
      await this.options.watcher?.folded(events, rows)
      for (const { projection } of this.projections) await rows.setCheckpoint(projection, reached)
    })
    this.reached = reached
    this.folded += events.length
    this.options.onProgress(this.folded)
  }
}
