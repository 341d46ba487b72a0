/**
 * What is told of rebuilds to whoever asks this process. What was asked for here is told for its projections while it waits or
 * runs, and for a while after its end, whatever others do meanwhile: whoever asked looks only now and then, and would take
 * another's rebuild for this one. Then, and for other projections, it is the one that runs or was the last.
 */
import type { RebuildRequest, RebuildState } from './rebuilding.js'
import { isOver, stateOf } from './shared-rebuild.js'

/** After its end; of whoever follows it from the command line or a page every look is sooner. */
export const END_TOLD_MS = 5_000
/** A refusal: nothing else says that nothing was done. */
export const REFUSAL_TOLD_MS = 60_000

interface Asked {
  readonly state: RebuildState
  /** By the clock. */
  readonly until: number
}

export class ToldRebuilds {
  /** Here, the newest first. */
  private asked: Asked[] = []
  private last: RebuildState | null = null
  private lastCompleted: RebuildState | null = null

  /** `now`: milliseconds of a clock that is never set back. */
  constructor(private readonly now: () => number = () => performance.now()) {}

  /** Of whomever; null where none runs or waits. */
  get running(): RebuildState | null {
    return [...this.told, this.last].find((state) => state && !isOver(state)) ?? null
  }

  /** The last one since the start that came to its end; null before the first. */
  get completed(): RebuildState | null {
    return this.lastCompleted
  }

  /** null where there is nothing to tell. */
  of(projection: string): RebuildState | null {
    return [...this.told, this.last].find((state) => state?.projections.includes(projection)) ?? null
  }

  /** It is to be done, and was asked for here. */
  ask(request: RebuildRequest & { readonly id: string }): RebuildState {
    const state = stateOf(request)
    this.asked = [{ state, until: Infinity }, ...this.asked.filter(({ until }) => this.now() < until)]
    return state
  }

  note(state: RebuildState): void {
    const toldMs = state.outcome ? REFUSAL_TOLD_MS : END_TOLD_MS
    const until = isOver(state) ? this.now() + toldMs : Infinity
    this.asked = this.asked.map((each) => (state.id === each.state.id ? { state, until } : each))
    // What runs is another's.
    if (state.outcome) return
    this.last = state
    if (state.status === 'completed') this.lastCompleted = state
  }

  private get told(): RebuildState[] {
    return this.asked.filter(({ until }) => this.now() < until).map(({ state }) => state)
  }
}
