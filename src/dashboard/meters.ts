/** The meters of the ledger, newest first: what lists and choices of meters are made from. */
import { useQuery } from '@tanstack/react-query'
import type { List, Meter } from './answers.js'
import { get } from './service-client.js'

const PAGE_METERS = 100
/** Meters a list shows and searches. */
const LISTED_METERS_MAX = 1_000

export const metersKey = ['meters']

export function meterKey(meterId: string): readonly string[] {
  return [...metersKey, meterId]
}

export function useMeters() {
  return useQuery({ queryKey: metersKey, queryFn: ({ signal }) => listMeters(signal) })
}

async function listMeters(signal: AbortSignal): Promise<{ meters: Meter[]; hasMore: boolean }> {
  const meters: Meter[] = []
  for (;;) {
    const query = { limit: PAGE_METERS, starting_after: meters.at(-1)?.id }
    const page = await get<List<Meter>>('/v1/billing/meters', query, signal)
    meters.push(...page.data)
    if (!page.has_more || meters.length >= LISTED_METERS_MAX) return { meters, hasMore: page.has_more }
  }
}
