/**
 * The rebuild of rows that several processes share: any of them takes a request, the one that writes does the work, and all say
 * how far it is. What is asked and told stands beside the rows (`RebuildBoard`), so a request outlives whoever took it. Where
 * nobody shares the rows everything is passed on as it is.
 */
import { randomUUID } from 'node:crypto'
import { isDeepStrictEqual } from 'node:util'
import type { ReadModel, RebuildBoard, RebuildNotice } from '../read-model/read-model.js'
import { idOf, type RebuildRequest, type RebuildState } from './rebuilding.js'

/** Between two looks at what others asked for or told. */
export const LOOK_EVERY_MS = 1_000
/** Between two tellings of how far it is. */
const TELL_EVERY_MS = 500

const TAKEN = 'Another rebuild runs or was asked for already. Begin this one when it is done.'
const UNSEEN =
  'Another rebuild was begun before it was seen here how this one ended. The log of the service that wrote the rows says so.'

/** One that writes takes a request between two batches, unless it does not know of any. */
const UNTAKEN_MS = 5_000
const NOT_TAKEN =
  'The service that writes the read model has not taken it yet. One of an earlier version never does; the next one that writes does.'

export class SharedRebuild {
  private isDue = true
  private requested: RebuildRequest | null = null
  /** Was asked here while one ran already, or seemed to: it may be that of a process that is gone. */
  private untaken: RebuildRequest | null = null
  /** Was asked here and stands on the board, until it is over. */
  private left: RebuildRequest | null = null
  private hasLooked = false
  /** Not told to the others yet. */
  private untold: RebuildState | null = null
  private told: { readonly status: RebuildState['status'] | null; readonly at: number } = {
    status: null,
    at: -Infinity,
  }
  /** The text of the last state that was passed on. */
  private seen: string | null = null
  private isAway = false
  /** What waits and why, as it was told last. */
  private toldWaiting = ''
  /** What was found when, for as long as it is the same. */
  private found = { text: '', since: 0 }

  constructor(
    private readonly rows: Pick<ReadModel, 'rebuildBoard'>,
    private readonly onState: (state: RebuildState) => void,
    private readonly report: (message: string) => void,
  ) {}

  get isShared(): boolean {
    return this.rows.rebuildBoard !== null
  }

  /** There may be something new. */
  lookNow(): void {
    this.isDue = true
  }

  request(request: RebuildRequest): void {
    this.requested = { id: randomUUID(), ...request }
    this.untaken = null
    this.left = null
    this.isDue = true
  }

  /** Another one does run. */
  refuse(): void {
    const { untaken } = this
    this.untaken = null
    if (untaken) this.onState({ ...stateOf(untaken, TAKEN), outcome: 'refused' })
  }

  /** How long the rebuild that waits or runs has been standing where it is; 0 while that is not known. */
  get standsStillMs(): number {
    return this.isAway || this.found.text === '' ? 0 : performance.now() - this.found.since
  }

  /** Whether one waits to be begun here, or to be left to another. */
  get isRequested(): boolean {
    return this.requested !== null || this.untaken !== null
  }

  /** Of the rebuild that this process does. */
  readonly note = (state: RebuildState): void => {
    this.untold = this.identified(state)
    this.pass(this.untold)
  }

  /** Another process may have gone on with it meanwhile. */
  handOver(): void {
    this.untold = null
  }

  /** Tells the others, now and then and when it is over. */
  async tell(): Promise<void> {
    const { rebuildBoard } = this.rows
    if (rebuildBoard) await this.attempt(() => this.tellOn(rebuildBoard), undefined)
  }

  /**
   * Leaves what was asked of this process to the one that writes, and passes on what that one says. Whether a rebuild waits or
   * runs, so that somebody has to do it.
   */
  async look(): Promise<boolean> {
    const { rebuildBoard } = this.rows
    if (!rebuildBoard) return this.requested !== null
    if (!this.isDue) return false
    this.isDue = false
    // Where it cannot be known somebody may have to make the place for it.
    return this.attempt(() => this.lookAt(rebuildBoard), this.requested !== null)
  }

  /**
   * Of the process that writes and does none: the one that waits, which so begins to run; or the one that another process took,
   * which ended before it was under way. null: there is none.
   */
  async take(): Promise<RebuildRequest | null> {
    const { rebuildBoard } = this.rows
    if (rebuildBoard) return this.attempt(() => this.takeFrom(rebuildBoard), null)
    const { requested } = this
    this.requested = null
    return requested
  }

  private async tellOn(board: RebuildBoard): Promise<void> {
    const { untold, told } = this
    if (!untold) return
    const at = performance.now()
    if (untold.status === told.status && at - told.at < TELL_EVERY_MS) return
    const text = JSON.stringify(untold)
    await board.tell(text, !isOver(untold))
    this.told = { status: untold.status, at }
    this.seen = text
    if (this.untold === untold) this.untold = null
  }

  private async lookAt(board: RebuildBoard): Promise<boolean> {
    await this.tellOn(board)
    const { requested } = this
    if (requested) {
      const isLeft = await board.ask(JSON.stringify(requested))
      // Unless another one was asked for meanwhile.
      if (this.requested === requested) this.requested = null
      if (isLeft) this.leave(requested)
      else this.untaken = requested
    }
    const notice = await board.look()
    const { request, state, isRunning } = notice
    const isAny = request !== null || isRunning
    // It was left before, and the answer to that was lost.
    if (this.untaken && isOf(this.untaken, notice)) this.leave(this.untaken)
    if (this.untaken) {
      // Unless it is over by now.
      if (!isAny) this.request(this.untaken)
    } else if (request !== null) {
      // Whoever asks any of the processes is not told of the one before.
      if (request !== this.seen) this.passOthers(stateOf(JSON.parse(request) as RebuildRequest))
      this.seen = request
    } else if (state !== null && state !== this.seen) {
      this.seen = state
      // One that was over before this process began is none of its time.
      if (this.hasLooked || isRunning) this.passOthers(JSON.parse(state) as RebuildState)
    }
    this.hasLooked = true
    const text = JSON.stringify([request, state, isRunning])
    if (text !== this.found.text) this.found = { text, since: performance.now() }
    else if (request !== null && this.standsStillMs >= UNTAKEN_MS)
      this.tellWaiting(JSON.parse(request) as RebuildRequest, NOT_TAKEN)
    return isAny
  }

  /** Once for each reason. */
  private tellWaiting(request: RebuildRequest, reason: string): void {
    const text = JSON.stringify([request, reason])
    if (text !== this.toldWaiting) this.pass({ ...stateOf(request), waitingReason: reason })
    this.toldWaiting = text
  }

  private leave(request: RebuildRequest): void {
    this.untaken = null
    this.left = request
    // What becomes of it may read as what became of the one before.
    this.seen = null
  }

  /** As the board says. */
  private passOthers(told: RebuildState): void {
    const state = this.identified(told)
    const { left } = this
    if (left && state.id !== left.id) {
      // The place is another's only once it is over.
      this.left = null
      this.onState({ ...stateOf(left, UNSEEN), outcome: 'unseen' })
    }
    this.pass(state)
  }

  private pass(state: RebuildState): void {
    if (this.left?.id === state.id && isOver(state)) this.left = null
    this.onState(state)
  }

  /** Whoever resumed it, or is of an earlier version, does not know whose it is. */
  private identified(state: RebuildState): RebuildState {
    const { left } = this
    if (state.id !== undefined || !left) return state
    const isSame = left.projections.length === 0 || isDeepStrictEqual(left.projections, state.projections)
    return isSame ? { ...state, ...idOf(left) } : state
  }

  private async takeFrom(board: RebuildBoard): Promise<RebuildRequest | null> {
    // Once more: nobody else changes it by now.
    const { request, state, isRunning } = await board.look()
    const asked = request ?? (isRunning ? state : null)
    if (asked === null) return null
    const told = JSON.parse(asked) as Pick<RebuildRequest, 'projections' | 'id'> & Partial<RebuildRequest>
    const taken = { projections: told.projections, keep: told.keep ?? false, ...idOf(told) }
    // Was asked here while that one seemed to run, and comes after it; behind one that waited it is told that it does not.
    if (request !== null) this.refuse()
    else if (this.untaken) this.request(this.untaken)
    await board.take(JSON.stringify({ ...stateOf(taken), keep: taken.keep }))
    return taken
  }

  /** What cannot be asked or told keeps no rows from being folded; it is tried again, and said once. */
  private async attempt<Result>(use: () => Promise<Result>, otherwise: Result): Promise<Result> {
    try {
      const result = await use()
      this.isAway = false
      return result
    } catch (error) {
      if (!this.isAway)
        this.report(`What is asked and told of rebuilds cannot be read or written and is tried again: ${String(error)}`)
      this.isAway = true
      const waiting = this.requested ?? this.untaken
      // It may have been asked for since that was found.
      if (waiting) this.tellWaiting(waiting, error instanceof Error ? error.message : String(error))
      return otherwise
    }
  }
}

export function isOver({ status }: RebuildState): boolean {
  return status === 'completed' || status === 'failed'
}

/** Whether the board tells of it. */
function isOf({ id }: RebuildRequest, { request, state }: RebuildNotice): boolean {
  const told = request ?? state
  return told !== null && id !== undefined && (JSON.parse(told) as Partial<RebuildState>).id === id
}

/** Of one that has not begun, or was refused. */
export function stateOf(request: RebuildRequest, failure: string | null = null): RebuildState {
  const { projections } = request
  return {
    projections,
    status: failure === null ? 'building' : 'failed',
    sequence: 0,
    wantedSequence: 0,
    rows: 0,
    wantedRows: 0,
    differenceCount: 0,
    differences: [],
    elapsedMs: 0,
    failure,
    waitingReason: null,
    ...idOf(request),
  }
}
