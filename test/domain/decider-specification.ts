/**
 * Given a history, when a command comes, then these events follow, or the rules refuse.
 *
 * Whatever a specification says, two laws of every decider are checked with it: the same command sent again adds nothing,
 * and folding a history at once is the same as evolving it event by event.
 */
import { expect } from '@jest/globals'
import { fold, type Decider } from '../../src/domain/decider.js'
import { DomainError, type ErrorCode } from '../../src/domain/errors.js'

interface Expectation<Event> {
  /** Exactly these events; none where it is already so. */
  then(...events: readonly Event[]): void
  thenRefused(code: ErrorCode, param?: string | null): void
}

interface Given<Command, Event> {
  when(command: Command): Expectation<Event>
}

export function specify<State, Command, Event>(
  decider: Decider<State, Command, Event>,
): (...history: readonly Event[]) => Given<Command, Event> {
  return (...history) => ({
    when: (command) => {
      const state = foldBothWays(decider, history)
      return {
        then: (...events) => {
          const decided = decider.decide(state, command)
          expect(decided).toEqual(events)
          const next = foldBothWays(decider, [...history, ...decided])
          expect(decider.decide(next, command)).toEqual([])
        },
        thenRefused: (code, param) => {
          const refusal = refusalOf(() => decider.decide(state, command))
          expect(refusal).toMatchObject({ code, ...(param === undefined ? {} : { param }) })
          expect(refusal.message).toMatch(/\.$/)
        },
      }
    },
  })
}

/** The refusal an action ends in. */
export function refusalOf(act: () => unknown): DomainError {
  try {
    act()
  } catch (error) {
    if (error instanceof DomainError) return error
    throw error
  }
  throw new Error('It was not refused.')
}

function foldBothWays<State, Command, Event>(
  decider: Decider<State, Command, Event>,
  history: readonly Event[],
): State {
  const state = fold(decider, history)
  let evolved = decider.initial
  for (const event of history) evolved = decider.evolve(evolved, event)
  expect(state).toEqual(evolved)
  return state
}
