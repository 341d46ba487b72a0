/**
 * What a statement is made of: the usage, and the digest of exactly the records that gave it. Both change together, so that
 * neither ever stands beside the other of an earlier moment; only at first the usage is there before its digest.
 */
import { keepPreviousData, useQuery, useQueryClient } from '@tanstack/react-query'
import { get, getDated, type Query } from '../service-client.js'
import type { Interval } from '../usage/period.js'
import { asOfQuery, intervalQuery, type AsOf, type Digest, type UsageOfCustomer } from '../usage/usage-answers.js'

export interface Statement {
  readonly usage: UsageOfCustomer
  /** When the service answered, by its own clock. */
  readonly answeredAt: number
  /** null: not yet there, or nothing to be digested. */
  readonly digest: Digest | null
}

/** `interval` null: nothing is asked for. */
export function useStatement(customer: string, interval: Interval | null, asOf: AsOf) {
  const client = useQueryClient()
  const key = ['usage', 'statement', customer, interval, asOf]
  return useQuery({
    queryKey: key,
    queryFn: async ({ signal }): Promise<Statement> => {
      const asked: Query = { ...intervalQuery(interval as Interval, asOf), customer }
      const { answer: usage, at: answeredAt } = await getDated<UsageOfCustomer>(
        '/meterbook/v1/customer_usage',
        asked,
        signal,
      )
      const statement = { usage, answeredAt, digest: null }
      if (usage.meters.length === 0) return statement
      if (client.getQueryData(key) === undefined) client.setQueryData(key, statement)
      return { ...statement, digest: await digestOf(usage, customer, interval as Interval, asOf, signal) }
    },
    enabled: interval !== null,
    placeholderData: keepPreviousData,
  })
}

/** It can be printed. */
export function isComplete({ usage, digest }: Statement): boolean {
  return usage.meters.length === 0 || digest !== null
}

function digestOf(
  { position }: UsageOfCustomer,
  customer: string,
  { start, end }: Interval,
  asOf: AsOf,
  signal: AbortSignal,
): Promise<Digest> {
  const moment = asOf === null && position !== null ? { as_of_position: position } : asOfQuery(asOf)
  return get<Digest>(
    '/meterbook/v1/digest',
    { customer, 'timestamp[gte]': start / 1000, 'timestamp[lt]': end / 1000, ...moment },
    signal,
  )
}
