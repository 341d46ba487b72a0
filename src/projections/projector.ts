/**
 * Follows the store and keeps the read model up to date: a batch's rows and the checkpoint are committed together, so an
 * event is folded exactly once whenever the process dies. An event it cannot understand, or before which one of its stream is
 * missing, stops it, naming stream and revision; nothing is skipped. A read model that cannot be written just now (a full
 * disk) is waited for.
 *
 * Of several processes that share a read model one leads and folds; the others follow: they wait for each batch until it is in
 * the rows, and one of them takes over where the leading one is gone. What was told as reached is never behind the rows.
 */
import { setImmediate as nextTurn, setTimeout as delay } from 'node:timers/promises'
import {
  EventStoreUnavailable,
  type Category,
  type EventStore,
  type Position,
  type RecordedEvent,
  type SubscriptionItem,
} from '../event-store/event-store.js'
import type { Progress } from '../event-store/read-your-writes.js'
import { StreamOrder } from '../event-store/stream-order.js'
import { categories } from '../event-store/streams.js'
import {
  ReadModelUnavailable,
  ReadModelUnusable,
  START,
  type Checkpoint,
  type ReadModel,
} from '../read-model/read-model.js'
import { placesOf, wrongCheckpoints } from './checkpoints.js'
import { Gathering } from './gathering.js'
import { IdleLeader } from './idle-leader.js'
import { projectedBatch } from './projected-batch.js'
import { ProjectionStopped, type ProjectedEvent, type Projection } from './projection.js'
import { PROJECTOR_OPTIONS, type ProjectorOptions } from './projector-options.js'
import { Rebuilding, type RebuildRequest, type RebuildState } from './rebuilding.js'
import { changesOf } from './progress-changes.js'
import { LOOK_EVERY_MS, SharedRebuild } from './shared-rebuild.js'
import { analyze, dropReplaced, LEADER_WAITED_FOR, notAlone, otherTables } from './shared-rows.js'

/** Between attempts to write a batch while the read model cannot be written. */
const WRITE_RETRY_MS = 1_000
/** Between attempts to read what stands before an event. */
const READ_RETRY_MS = 1_000
/** Between two looks how far the leading process has come, while something is missing. */
const FOLLOW_MS = 10
/** Between two looks whether it gives a sign, once it has been waited for so long that it should have. */
const IDLE_LEADER_LOOK_MS = 250
/** Between two looks whether it still makes the same tables. */
const SAME_TABLES_MS = 1_000
/** How long a start waits for a read model that cannot be had just now: less than who started it waits. */
const PREPARE_WAIT_MS = 50_000
/** After so many usage events at a start the server is told to look what the tables hold by now. */
const ANALYZED_EVENTS = 1_000
/** Of the time the live rows take, what a rebuild takes besides while the log goes on. */
const REBUILD_SHARE = 0.5

const followed: readonly Category[] = Object.values(categories)

export class Projector {
  private checkpoints = new Map<string, Checkpoint>()
  private rebuilding: Rebuilding | null = null
  private isLeading = false
  private isPrepared = false
  private sawSameTablesAt = -Infinity
  /** Whether rows were seen to be made from this log; while there are none they may become those of another. */
  private isOfThisLog = false
  /** Whether there may be tables that were replaced and wait to be dropped. */
  private hasReplaced = false
  private hasCaughtUp = false
  /** How long the last batch of the log took. */
  private liveMs = 0
  private wake: () => void = () => undefined
  private readonly idleLeader: IdleLeader
  private readonly gathering: Gathering
  private readonly shared: SharedRebuild
  private readonly options: ProjectorOptions

  constructor(
    private readonly store: EventStore,
    private readonly readModel: ReadModel,
    private readonly projections: readonly Projection[],
    private readonly onProgress: (progress: Progress) => void,
    private readonly report: (message: string) => void,
    /** The same projections once more, remembering nothing: for building them anew. */
    private readonly anew: () => readonly Projection[] = () => [],
    onRebuild: (state: RebuildState) => void = () => undefined,
    options: Partial<ProjectorOptions> = {},
  ) {
    this.options = { ...PROJECTOR_OPTIONS, ...options }
    this.idleLeader = new IdleLeader(readModel, this.options.idleLeaderMs, report)
    this.gathering = new Gathering(this.options.gathering)
    this.shared = new SharedRebuild(readModel, onRebuild, report)
  }

  /**
   * Makes the tables, or waits for the leading process to have made them, and finds where to go on.
   *
   * @throws ProjectionStopped where rows were made from events that the log does not have. They may be all that is left of
   * those, and what was acknowledged would be counted again: whoever knows better has to say so. Also where the log is a copy
   * of the one they were made from: positions are of one store. And where a checkpoint was changed, unless its projection is
   * among those that are to be built anew.
   */
  async prepare(toBeRebuilt: readonly string[] = []): Promise<void> {
    const since = performance.now()
    for (;;) {
      try {
        return await this.prepareOnce(since, toBeRebuilt)
      } catch (error) {
        if (!isPassing(error) || performance.now() - since > PREPARE_WAIT_MS) throw error
        this.report(`The read model cannot be prepared yet and is tried again: ${error.message}`)
        await delay(WRITE_RETRY_MS)
      }
    }
  }

  private async prepareOnce(since: number, toBeRebuilt: readonly string[]): Promise<void> {
    while (!(await this.leads())) {
      if (this.options.mayFollow && (await this.hasSameTables())) break
      // The lock of one that was killed may take a moment to be free.
      if (performance.now() - since > this.options.otherTablesWaitMs) {
        throw this.options.mayFollow ? otherTables() : notAlone(this.readModel.removal)
      }
      await delay(WRITE_RETRY_MS)
    }
    if (!this.isLeading) await this.loadCheckpoints()
    await this.requireThisLog(toBeRebuilt)
    if (this.isLeading) await this.resumeRebuild()
    this.isPrepared = true
  }

  /** Whether this process writes the rows. Where it begins to, others may have written them before. */
  private async leads(): Promise<boolean> {
    const standing = await this.readModel.lead()
    if (standing === 'leading' && this.isLeading) return true
    const { isLeading: hasLed, rebuilding: begun } = this
    const isFirst = !this.isPrepared
    this.isLeading = false
    this.shared.handOver()
    if (standing === 'following') {
      this.rebuilding = null
      begun?.forget()
      if (hasLed) this.report('Another service writes the read model by now; this one follows.')
      return false
    }
    await this.readModel.prepare(this.projections)
    await this.loadCheckpoints()
    for (const projection of this.projections) projection.forget?.()
    begun?.forget()
    this.rebuilding = null
    // At the start it is first seen whether the rows are of this log.
    if (!isFirst) {
      await this.requireThisLog()
      await this.resumeRebuild()
    }
    if (!isFirst && !hasLed)
      this.report('The service that wrote the read model is gone; this one writes it from now on.')
    this.isLeading = true
    return true
  }

  /** Whether this process writes the rows, as far as it knows. */
  get isWriting(): boolean {
    return this.isLeading
  }

  private async requireThisLog(toBeRebuilt: readonly string[] = []): Promise<void> {
    if (this.isOfThisLog) return
    const { places, wrong } = await placesOf(this.checkpoints, this.store, this.readModel.removal)
    const left = wrong.filter((projection) => !toBeRebuilt.includes(projection))
    if (left.length > 0) throw wrongCheckpoints(left)
    this.checkpoints = new Map(places)
    this.isOfThisLog = [...places.values()].some(({ event }) => event !== null)
  }

  private async resumeRebuild(): Promise<void> {
    this.rebuilding = await Rebuilding.resume(this.store, this.readModel, this.anew(), this.shared.note)
    this.hasReplaced = true
  }

  private async loadCheckpoints(): Promise<void> {
    for (const { projection } of this.projections) {
      const known = this.checkpoints.get(projection)?.position ?? null
      const checkpoint = await this.readModel.checkpoint(projection)
      const { position } = checkpoint
      if (known !== null && (position === null || this.isAfter(known as Position, position))) {
        throw new ProjectionStopped(
          `The rows of ${projection} were taken back to an earlier moment than the one this service has answered from. Restart it.`,
        )
      }
      this.checkpoints.set(projection, checkpoint)
    }
  }

  /** Whether the leading process makes the tables that this one reads. */
  private async hasSameTables(): Promise<boolean> {
    const schemas = await this.readModel.schemas()
    const isSame = this.projections.every(({ projection, schema }) => schemas.get(projection) === schema)
    if (isSame) this.sawSameTablesAt = performance.now()
    return isSame
  }

  /** Begins to build projections anew while it runs, or has the process do so that writes the rows; one such at a time. */
  rebuild(request: RebuildRequest): void {
    this.shared.request(request)
    this.gathering.end()
    this.wake()
  }

  /** What this process works on; null where there is nothing, or nothing that it can go on with. */
  get rebuildInHand(): RebuildState | null {
    const state = this.rebuilding?.state
    return state ? { ...state, wantedSequence: this.earliest().sequence } : null
  }

  /** Whether one that was asked for here waits to be begun or left to another: what is told is of an earlier one. */
  get isRebuildRequested(): boolean {
    return this.shared.isRequested
  }

  /** Somebody waits for what is in the log by now. */
  hurry(): void {
    this.gathering.hurry()
  }

  /** Runs until the signal says stop. @throws what stopped it. */
  async run(signal: AbortSignal): Promise<void> {
    const reached = this.earliest()
    const after = reached.position as Position | null
    const items = this.store.subscribe({ after, categories: followed, signal })[Symbol.asyncIterator]()
    const looking = setInterval(() => this.lookAround(), LOOK_EVERY_MS)
    try {
      await this.follow(items, reached, signal)
    } finally {
      clearInterval(looking)
      this.rebuilding?.forget()
      // Not waited for: it would wait for the next item.
      void items.return?.()
    }
  }

  private async follow(items: AsyncIterator<SubscriptionItem>, from: Checkpoint, signal: AbortSignal): Promise<void> {
    const order = new StreamOrder()
    let reached = from
    for (;;) {
      const next = items.next()
      await this.besides(next, reached, signal)
      const result = await next
      if (result.done === true) return
      const item = result.value
      if (item.type === 'caught-up') {
        const isFirst = !this.hasCaughtUp && this.isLeading
        // Before anybody is told to read.
        if (isFirst && reached.sequence - from.sequence >= ANALYZED_EVENTS) await analyze(this.readModel, this.report)
        this.hasCaughtUp = true
        this.onProgress({ ...placeOf(reached), caughtUp: true, ...changesOf([]) })
        continue
      }
      const since = performance.now()
      if (item.events.length === 0) continue
      if (!(await this.hasLookedBefore(item.events, order, signal))) return
      const batch = projectedBatch(item.events, reached, (event) => order.require(event))
      reached = batch.reached
      if (!(await this.fold(batch.events, reached, signal))) return
      this.onProgress({ ...placeOf(reached), caughtUp: false, ...changesOf(item.events) })
      this.liveMs = performance.now() - since
      // A rebuild works between batches, and has the time that is left.
      const isRebuilding = this.shared.isRequested || this.rebuilding !== null
      await this.gathering.after(batch.events.length, since, !isRebuilding, signal)
    }
  }

  /** It begins in the middle of the log. Not if the store was still away when the signal said stop. */
  private async hasLookedBefore(
    events: readonly RecordedEvent[],
    order: StreamOrder,
    signal: AbortSignal,
  ): Promise<boolean> {
    for (;;) {
      try {
        await order.beginBefore(events, this.store)
        return true
      } catch (error) {
        if (!(error instanceof EventStoreUnavailable)) throw error
        this.report(`The event store cannot be read and is tried again: ${error.message}`)
        await delay(READ_RETRY_MS, null, { signal }).catch(() => undefined)
        if (signal.aborted) return false
      }
    }
  }

  /**
   * Works on a rebuild until there is something new in the log, and for its share of the time where there always is.
   * Until the live rows have caught up once they have all of it.
   */
  private async besides(next: Promise<unknown>, reached: Checkpoint, signal: AbortSignal): Promise<void> {
    let isNext = false
    const settled = next.then(
      () => (isNext = true),
      () => (isNext = true),
    )
    const until = performance.now() + this.liveMs * REBUILD_SHARE
    while (!signal.aborted) {
      await nextTurn()
      const isWorking = this.hasCaughtUp && (await this.hasRebuildWork(reached))
      if (isNext && (!isWorking || performance.now() >= until)) return
      if (isWorking) await this.rebuildSlice(reached)
      else await Promise.race([settled, this.woken()])
    }
  }

  private async hasRebuildWork(reached: Checkpoint): Promise<boolean> {
    if (!this.rebuilding) {
      const request = await this.nextRebuild()
      if (request)
        this.rebuilding = Rebuilding.begin(this.store, this.readModel, this.anew(), request, this.shared.note)
    }
    return this.rebuilding ? !this.isBehindRows(reached) : this.hasReplaced
  }

  private async nextRebuild(): Promise<RebuildRequest | null> {
    if (!(await this.shared.look())) return null
    try {
      // Where the one that did it is gone this one goes on with it.
      const isLeading = await this.leads()
      if (isLeading && !this.rebuilding) return await this.shared.take()
      this.shared.refuse()
      if (!isLeading && this.shared.standsStillMs >= this.idleLeader.patienceMs) await this.idleLeader.end()
    } catch (error) {
      if (!isPassing(error)) throw error
    }
    return null
  }

  /** Where others wrote the rows they may be further than what this process has seen of the log. */
  private isBehindRows({ position }: Checkpoint): boolean {
    for (const { position: its } of this.checkpoints.values()) {
      if (its !== null && (position === null || this.isAfter(its as Position, position))) return true
    }
    return false
  }

  private lookAround(): void {
    this.shared.lookNow()
    if (this.shared.isShared) this.wake()
  }

  /** Whatever goes wrong with it, the live rows are folded on. */
  private async rebuildSlice(reached: Checkpoint): Promise<void> {
    try {
      if (!(await this.leads())) {
        this.hasReplaced = false
        return
      }
    } catch (error) {
      if (!isPassing(error)) throw error
      this.report(`The read model cannot be written and is tried again: ${error.message}`)
      return void (await delay(WRITE_RETRY_MS))
    }
    if (!this.rebuilding) {
      this.hasReplaced = await dropReplaced(this.readModel, this.report)
      return
    }
    const waitedFor = this.rebuilding.waitingReason
    await this.rebuilding.step(reached)
    const { waitingReason } = this.rebuilding
    if (waitingReason !== null && waitingReason !== waitedFor)
      this.report(`A rebuild cannot go on and is tried again: ${waitingReason}`)
    else if (waitingReason === null && waitedFor !== null && !this.rebuilding.isOver)
      this.report('The rebuild goes on.')
    await this.shared.tell()
    if (!this.rebuilding.isOver) return
    this.rebuilding = null
    this.hasReplaced = true
    // What is remembered is of the rows that were replaced.
    for (const projection of this.projections) projection.forget?.()
  }

  private woken(): Promise<void> {
    return new Promise((resolve) => (this.wake = resolve))
  }

  /** Whether the batch was committed; not if it was still waiting for room when the signal said stop. */
  private async fold(events: readonly ProjectedEvent[], reached: Checkpoint, signal: AbortSignal): Promise<boolean> {
    let waitingSince = performance.now()
    let lookAt = waitingSince + this.idleLeader.patienceMs
    for (;;) {
      try {
        if (await this.leads()) {
          await this.commit(events, reached)
          return true
        }
        if (await this.isFoldedByOther(reached)) return true
        if (performance.now() >= lookAt) {
          const isEnded = await this.idleLeader.end()
          // Its last sign may have come a moment after this wait began.
          lookAt = performance.now() + IDLE_LEADER_LOOK_MS
          if (!isEnded && performance.now() - waitingSince >= 2 * this.idleLeader.patienceMs) {
            waitingSince = performance.now()
            this.report(LEADER_WAITED_FOR)
          }
        }
        await delay(FOLLOW_MS, null, { signal }).catch(() => undefined)
        if (signal.aborted) return false
      } catch (error) {
        for (const projection of this.projections) projection.forget?.()
        this.rebuilding?.forget()
        if (!isPassing(error)) {
          if (!this.rebuilding?.isBesides) throw error
          // It may have been the tables that are being built. Without them it is seen whether the live ones are sound.
          await this.rebuilding.fail(error)
          this.rebuilding = null
          continue
        }
        this.report(`The read model cannot be written and is tried again: ${error.message}`)
        await delay(WRITE_RETRY_MS, null, { signal }).catch(() => undefined)
        if (signal.aborted) return false
      }
    }
  }

  private async commit(events: readonly ProjectedEvent[], reached: Checkpoint): Promise<void> {
    await this.readModel.write(async (rows, building) => {
      for (const projection of this.projections) {
        const unseen = this.unseen(events, this.checkpoints.get(projection.projection) as Checkpoint)
        if (unseen.length === 0) continue
        await projection.apply(unseen, rows)
        await rows.setCheckpoint(projection.projection, reached)
      }
      await this.rebuilding?.fold(events, reached, building)
    })
    this.rebuilding?.committed(reached)
    this.noteReached(reached)
  }

  /** @throws ProjectionStopped where the leading process is one of another version. */
  private async isFoldedByOther(reached: Checkpoint): Promise<boolean> {
    if (performance.now() - this.sawSameTablesAt > SAME_TABLES_MS && !(await this.hasSameTables())) throw otherTables()
    const found = new Map<string, Checkpoint>()
    await this.readModel.snapshot(async (rows) => {
      for (const { projection } of this.projections) found.set(projection, await rows.checkpoint(projection))
    })
    for (const { position } of found.values()) {
      if (position === null || this.isAfter(reached.position as Position, position)) return false
    }
    if (!this.isOfThisLog) {
      this.checkpoints = found
      await this.requireThisLog()
    }
    this.noteReached(reached)
    return true
  }

  private noteReached(reached: Checkpoint): void {
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

function placeOf({ position, sequence }: Checkpoint): Pick<Progress, 'position' | 'sequence'> {
  return { position: position as Position | null, sequence }
}

/** Waiting may mend it. The store is asked whose rows they are where this process begins to write them. */
function isPassing(error: unknown): error is Error {
  if (error instanceof ReadModelUnavailable || error instanceof EventStoreUnavailable) return true
  return error instanceof ReadModelUnusable && error.isPassing
}
