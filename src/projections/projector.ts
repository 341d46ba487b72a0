/**
 * Follows the store and keeps the read model up to date: a batch's rows and the checkpoint are committed together, so an
 * event is folded exactly once whenever the process dies. An event it cannot understand stops it, naming stream and
 * revision; nothing is skipped. A read model that cannot be written just now (a full disk) is waited for.
 */
import { setTimeout as delay } from 'node:timers/promises'
import { decodeEvent } from '../event-store/codec.js'
import {
  categoryOf,
  type Category,
  type EventStore,
  type Position,
  type RecordedEvent,
} from '../event-store/event-store.js'
import type { Progress } from '../event-store/read-your-writes.js'
import { categories } from '../event-store/streams.js'
import { ReadModelUnavailable, START, type Checkpoint, type ReadModel } from '../read-model/read-model.js'
import type { ProjectedEvent, Projection } from './projection.js'

/** Between attempts to write a batch while the read model cannot be written. */
const WRITE_RETRY_MS = 1_000

/**
 * Under a steady load of single events a transaction for each would cost several times as much as the events do: after a
 * small batch that came right after another one, the next few milliseconds' events are let gather. Nothing that comes after
 * a pause of its own waits.
 */
const SMALL_BATCH_EVENTS = 64
const GATHER_MS = 2
const STEADY_MS = 10

const followed: readonly Category[] = Object.values(categories)

export class Projector {
  private checkpoints = new Map<string, Checkpoint>()

  constructor(
    private readonly store: EventStore,
    private readonly readModel: ReadModel,
    private readonly projections: readonly Projection[],
    private readonly onProgress: (progress: Progress) => void,
    private readonly report: (message: string) => void,
  ) {}

  /**
   * Makes the tables and finds where to go on. Rows that were made from another log (or from a longer one than there is
   * now) are thrown away.
   */
  async prepare(): Promise<void> {
    await this.readModel.prepare(this.projections)
    await this.loadCheckpoints()
    for (const { event } of this.checkpoints.values()) {
      if (event === null || (await this.isInLog(event))) continue
      this.report('The read model was made from another event log. It is built anew from this one.')
      await this.readModel.reset(this.projections)
      return this.loadCheckpoints()
    }
  }

  private async loadCheckpoints(): Promise<void> {
    for (const { projection } of this.projections) {
      this.checkpoints.set(projection, await this.readModel.checkpoint(projection))
    }
  }

  private async isInLog(event: string): Promise<boolean> {
    const [revision = '', id] = event.split(' ', 2)
    const stream = event.split(' ').slice(2).join(' ')
    for await (const [found] of this.store.readStream(stream, { after: Number(revision) - 1, limit: 1 })) {
      return found?.id === id
    }
    return false
  }

  /** Runs until the signal says stop. @throws what stopped it. */
  async run(signal: AbortSignal): Promise<void> {
    let { position: after, sequence, event } = this.earliest()
    let foldedAt = 0
    for await (const item of this.store.subscribe({ after: after as Position | null, categories: followed, signal })) {
      if (item.type === 'caught-up') {
        this.onProgress({ position: after as Position | null, caughtUp: true, changedStreams: [] })
        continue
      }
      const projected = item.events.map((event) => {
        if (categoryOf(event.stream) === categories.usage) sequence++
        return projectedEvent(event, sequence)
      })
      const last = item.events.at(-1)
      if (last) {
        after = last.position
        event = `${last.revision} ${last.id} ${last.stream}`
      }
      if (!(await this.fold(projected, { position: after, sequence, event }, signal))) return
      this.onProgress({
        position: after as Position | null,
        caughtUp: false,
        changedStreams: changedStreams(item.events),
      })
      const isSteady = performance.now() - foldedAt < STEADY_MS
      foldedAt = performance.now()
      if (isSteady && projected.length < SMALL_BATCH_EVENTS) await delay(GATHER_MS)
    }
  }

  /** Whether the batch was committed; not if it was still waiting for room when the signal said stop. */
  private async fold(events: readonly ProjectedEvent[], reached: Checkpoint, signal: AbortSignal): Promise<boolean> {
    for (;;) {
      try {
        await this.commit(events, reached)
        return true
      } catch (error) {
        for (const projection of this.projections) projection.forget?.()
        if (!(error instanceof ReadModelUnavailable)) throw error
        this.report(`The read model cannot be written and is tried again: ${error.message}`)
        await delay(WRITE_RETRY_MS, null, { signal }).catch(() => undefined)
        if (signal.aborted) return false
      }
    }
  }

  private async commit(events: readonly ProjectedEvent[], reached: Checkpoint): Promise<void> {
    await this.readModel.write(async (rows) => {
      for (const projection of this.projections) {
        const unseen = this.unseen(events, this.checkpoints.get(projection.projection) as Checkpoint)
        if (unseen.length === 0) continue
        await projection.apply(unseen, rows)
        await rows.setCheckpoint(projection.projection, reached)
      }
    })
    for (const { projection } of this.projections) {
      const { position } = this.checkpoints.get(projection) as Checkpoint
      if (position === null || this.isAfter(reached.position as Position, position)) {
        this.checkpoints.set(projection, reached)
      }
    }
  }

  /** The batch itself where all of it is new, so that projections know it as the same. */
  private unseen(events: readonly ProjectedEvent[], { position }: Checkpoint): readonly ProjectedEvent[] {
    const [first] = events
    if (position === null || !first || this.isAfter(first.position, position)) return events
    return events.filter((event) => this.isAfter(event.position, position))
  }

  /** A projection that begins anew takes the others back to its start; they pass over what they have. */
  private earliest(): Checkpoint {
    let earliest: Checkpoint | null = null
    for (const checkpoint of this.checkpoints.values()) {
      if (checkpoint.position === null) return checkpoint
      if (!earliest || this.isAfter(earliest.position as Position, checkpoint.position)) earliest = checkpoint
    }
    return earliest ?? START
  }

  private isAfter(position: Position, other: string): boolean {
    return this.store.comparePositions(position, other as Position) > 0
  }
}

function projectedEvent(event: RecordedEvent, sequence: number): ProjectedEvent {
  const { stream, revision, position, metadata } = event
  return { stream, revision, position, sequence, metadata, event: decodeEvent(event) }
}

function changedStreams(events: readonly RecordedEvent[]): string[] {
  const streams = new Set<string>()
  for (const { stream } of events) if (categoryOf(stream) !== categories.usage) streams.add(stream)
  return [...streams]
}
