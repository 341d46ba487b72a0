/**
 * How usage adds up: one formula each for `sum`, `count` and `last`, over effective records only.
 *
 * Every formula is a fold whose states can be merged, so a day is the merge of its hours whatever the order of arrival.
 * A new formula is one entry here, its name in `formulaNames`, and its tests; nothing else knows formulas.
 * Rules: design §4; stripe-metering §1.8.
 */
import { formatDecimal, parseDecimal, type Decimal } from './decimal.js'

export const formulaNames = ['sum', 'count', 'last'] as const
export type FormulaName = (typeof formulaNames)[number]

export function isFormulaName(text: string): text is FormulaName {
  return (formulaNames as readonly string[]).includes(text)
}

/** A record that counts, as far as formulas look at it. */
export interface EffectiveRecord {
  /** Canonical decimal text; null for a formula that ignores values. */
  readonly value: string | null
  readonly occurredAt: number
  /** Its place in the order of the log: higher was recorded later. */
  readonly sequence: number
}

export interface Formula<State> {
  /** Whether a meter event must carry a value. */
  readonly usesValue: boolean
  readonly empty: State
  add(state: State, record: EffectiveRecord): State
  /** Takes a record that was added out again; null where that cannot be told from the state: count again. */
  remove(state: State, record: EffectiveRecord): State | null
  merge(left: State, right: State): State
  /** Whether records may be added and taken out in any order, whatever their sequences: then none is ever counted again. */
  readonly isOrderFree: boolean
  /** Counting again, latest (occurredAt, sequence) first: whether earlier records can no longer change the state. */
  isSettled(state: State): boolean
  value(state: State): Decimal
  /** Sequence of the one record the value is of; null where every record adds to it. */
  decidedBy(state: State): number | null
  /** The state as text, and back: what a cell stores. */
  encode(state: State): string
  decode(text: string): State
}

const sum: Formula<Decimal> = {
  usesValue: true,
  isOrderFree: true,
  empty: 0n,
  add: (total, { value }) => total + parseDecimal(value ?? '0'),
  remove: (total, { value }) => total - parseDecimal(value ?? '0'),
  merge: (left, right) => left + right,
  isSettled: () => false,
  value: (total) => total,
  decidedBy: () => null,
  encode: formatDecimal,
  decode: parseDecimal,
}

const count: Formula<number> = {
  usesValue: false,
  isOrderFree: true,
  empty: 0,
  add: (records) => records + 1,
  remove: (records) => records - 1,
  merge: (left, right) => left + right,
  isSettled: () => false,
  value: (records) => parseDecimal(String(records)),
  decidedBy: () => null,
  encode: String,
  decode: Number,
}

/** The record with the greatest (occurredAt, sequence); null while there is none. */
const last: Formula<EffectiveRecord | null> = {
  usesValue: true,
  isOrderFree: false,
  empty: null,
  add: (latest, record) => later(latest, record),
  remove: (latest, record) => (latest !== null && latest.sequence === record.sequence ? null : latest),
  merge: (left, right) => (right === null ? left : later(left, right)),
  isSettled: (latest) => latest !== null,
  value: (latest) => parseDecimal(latest?.value ?? '0'),
  decidedBy: (latest) => latest?.sequence ?? null,
  encode: (latest) => (latest === null ? '' : `${latest.value ?? '0'} ${latest.occurredAt} ${latest.sequence}`),
  decode: (text) => {
    if (text === '') return null
    const [value = '0', occurredAt, sequence] = text.split(' ')
    return { value, occurredAt: Number(occurredAt), sequence: Number(sequence) }
  },
}

function later(latest: EffectiveRecord | null, record: EffectiveRecord): EffectiveRecord {
  if (latest === null || record.occurredAt > latest.occurredAt) return record
  return record.occurredAt === latest.occurredAt && record.sequence > latest.sequence ? record : latest
}

/** States differ by formula; who uses the table only hands a formula its own states. */
export const formulas: Readonly<Record<FormulaName, Formula<unknown>>> = {
  sum: sum,
  count: count,
  last: last,
}

/**
 * What the records of a part give to the value of the whole, so that the shares of all parts add up to it: their own value,
 * or nothing where the value is of one record and another part has it.
 */
export function shareOf<State>(formula: Formula<State>, whole: State, part: State): Decimal {
  const decidedBy = formula.decidedBy(whole)
  return decidedBy === null || formula.decidedBy(part) === decidedBy ? formula.value(part) : 0n
}

/**
 * Of two records of one window of a pre-aggregated meter (one customer, one dimension combination, neither cancelled), the
 * one that counts: it was recorded last.
 */
export function effectiveInWindow<R extends EffectiveRecord>(effective: R | null, record: R): R {
  return effective !== null && effective.sequence > record.sequence ? effective : record
}
