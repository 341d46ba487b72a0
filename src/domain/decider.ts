/**
 * A decider is a module of pure functions: what a history means (`initial`, `evolve`) and what a command adds to it
 * (`decide`). Deciding something already so yields no events, so every retry is safe.
 */
export interface Decider<State, Command, Event> {
  readonly initial: State
  decide(state: State, command: Command): Event[]
  evolve(state: State, event: Event): State
  /** Present where copying the state for every event would be quadratic. Equals folding with `evolve`. */
  fold?(state: State, events: Iterable<Event>): State
}

export function fold<State, Command, Event>(
  decider: Decider<State, Command, Event>,
  events: Iterable<Event>,
  from: State = decider.initial,
): State {
  if (decider.fold) return decider.fold(from, events)
  let state = from
  for (const event of events) state = decider.evolve(state, event)
  return state
}
