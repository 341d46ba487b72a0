/** What addresses say of usage: the period, the moment and the customer, in the same words on every page. */
import { useState } from 'react'
import { changeQuery, useAddressQuery, type AddressQuery } from '../route.js'
import { fromUtcField, utcField } from '../utc.js'
import { intervalOf, periodOf, type Interval, type Period, type Preset } from './period.js'
import type { AsOf } from './usage-answers.js'

const presetNames: Readonly<Record<Exclude<Preset, 'custom'>, string>> = {
  today: 'today',
  month: 'this-month',
  lastMonth: 'last-month',
  days30: 'last-30-days',
  all: 'all-time',
}

/** What goes along from one page about usage to another. */
const CARRIED = ['period', 'from', 'to', 'as_of', 'as_of_position', 'customer'] as const

export function carriedQuery(query: URLSearchParams): AddressQuery {
  return Object.fromEntries(CARRIED.map((name) => [name, query.get(name) ?? undefined]))
}

export interface ChosenPeriod {
  readonly period: Period
  readonly choose: (period: Period) => void
}

/** What is no period, as fields come to hold it while someone types, is not in the address. */
export function usePeriod(fallback: Exclude<Preset, 'custom'>): ChosenPeriod {
  const query = useAddressQuery()
  const inAddress = [query.get('period'), query.get('from'), query.get('to')].join(' ')
  const [draft, setDraft] = useState<{ readonly period: Period; readonly over: string } | null>(null)
  const said = readPeriod(query, fallback)
  const isDraft = draft !== null && draft.over === inAddress
  const period = isDraft ? draft.period : said
  const choose = (chosen: Period): void => {
    if (!isPeriod(chosen)) return setDraft({ period: chosen, over: inAddress })
    setDraft(null)
    const isSame = chosen.preset === period.preset && !isDraft
    changeQuery(periodQuery(chosen), isSame ? 'small change' : 'step')
  }
  return { period, choose }
}

/** For an address in which the period is to be the same, whatever its page has by itself; the interval as it is shown. */
export function periodQuery(period: Period, interval?: Interval): AddressQuery {
  const { preset } = period
  if (preset !== 'custom') return { period: presetNames[preset], from: undefined, to: undefined }
  const [from, to] = interval
    ? [utcField(interval.start).slice(0, 16), utcField(interval.end).slice(0, 16)]
    : [period.from, period.to]
  return { period: undefined, from: `${from}Z`, to: `${to}Z` }
}

function readPeriod(query: URLSearchParams, fallback: Preset): Period {
  const [from, to] = [readInstant(query.get('from')), readInstant(query.get('to'))]
  if (from !== null && to !== null) {
    const custom: Period = { preset: 'custom', from: utcField(from).slice(0, 16), to: utcField(to).slice(0, 16) }
    if (isPeriod(custom)) return custom
  }
  const named = query.get('period')
  const preset = (Object.keys(presetNames) as (keyof typeof presetNames)[]).find((each) => presetNames[each] === named)
  return periodOf(preset ?? fallback, Date.now())
}

function isPeriod(period: Period): boolean {
  return intervalOf(period, 'minute', Date.now()) !== null
}

export function asOfAddress(asOf: AsOf): AddressQuery {
  return {
    as_of: asOf !== null && 'instant' in asOf ? instantText(asOf.instant) : undefined,
    as_of_position: asOf !== null && 'position' in asOf ? asOf.position : undefined,
  }
}

const UNIX_SECONDS = /^\d{1,11}$/

/**
 * Whatever moment it is: of one that cannot be had the service says why, by its own clock. The number of now would be another one
 * than whoever sent the address saw.
 */
export function readAsOf(query: URLSearchParams): AsOf {
  const said = query.get('as_of')
  const instant = said !== null && UNIX_SECONDS.test(said) ? Number(said) * 1000 : readInstant(said)
  if (instant !== null) return { instant }
  const position = query.get('as_of_position')?.trim() ?? ''
  return position === '' ? null : { position }
}

/** To the second. */
export function instantText(instant: number): string {
  return `${utcField(instant)}Z`
}

const INSTANT = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d)?Z?)?$/

/** Also a day alone; always UTC; null where it is none. */
export function readInstant(text: string | null): number | null {
  if (text === null || !INSTANT.test(text)) return null
  const field = text.replace('Z', '')
  const instant = fromUtcField(field.length === 10 ? `${field}T00:00` : field)
  return instant === null || instant < 0 ? null : instant
}
