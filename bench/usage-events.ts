/**
 * The usage every benchmark sends: event number n is the same wherever and whenever it is made, so it can be sent again
 * as a true duplicate and added up without being remembered.
 */
export const EVENT_NAME = 'bench_calls'
/** The customer whose month is asked for. */
export const BIG_CUSTOMER = 'cus_big'
/** How far back a duplicate lies in events: some of them are projected by then, some are not. */
const DUPLICATE_DISTANCE = 5_000

export interface EventPlan {
  /** Number of the first new event. */
  readonly first: number
  /** Of ten events, how many were sent before. */
  readonly duplicatesOfTen: number
  /** Of a hundred new events, how many are the big customer's. */
  readonly bigOfHundred: number
  readonly customers: number
  /** They occurred in `[from, from + spreadMs)`; milliseconds since the epoch. */
  readonly from: number
  readonly spreadMs: number
}

export interface UsageEvent {
  readonly identifier: string
  readonly customer: string
  /** A whole number, so totals are exact in a double. */
  readonly value: number
  readonly occurredAt: number
}

export function usageEvent(number: number, plan: EventPlan): UsageEvent {
  const isBig = number % 100 < plan.bigOfHundred
  return {
    identifier: `event-${String(number).padStart(12, '0')}`,
    customer: isBig ? BIG_CUSTOMER : `cus_${String(number % plan.customers).padStart(6, '0')}`,
    value: 1 + (number % 997),
    // Whole seconds, so that v1 can say them as well.
    occurredAt: plan.from + Math.floor(((number * 104_729) % plan.spreadMs) / 1000) * 1000,
  }
}

/** The numbers of `count` events, new ones and duplicates, and the number after the last new one. */
export function eventNumbers(plan: EventPlan, count: number): { numbers: number[]; next: number } {
  const numbers: number[] = []
  let next = plan.first
  for (let at = 0; at < count; at++) {
    const isDuplicate = at % 10 < plan.duplicatesOfTen && next >= DUPLICATE_DISTANCE
    numbers.push(isDuplicate ? next - DUPLICATE_DISTANCE : next++)
  }
  return { numbers, next }
}

/** Adds what the plan's new events come to, and answers the number after the last of them. */
export function addTotals(totals: Map<string, number>, plan: EventPlan, count: number): number {
  const { next } = eventNumbers(plan, count)
  for (let number = plan.first; number < next; number++) {
    const { customer, value } = usageEvent(number, plan)
    totals.set(customer, (totals.get(customer) ?? 0) + value)
  }
  return next
}
