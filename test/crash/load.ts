/**
 * Load on a service that may die at any moment, and what must come of it. A reporter sends again what was not answered before
 * anything else, so the order in which its events were recorded is the order it sent them in, and the expected numbers follow
 * from what it knows.
 */
import { expect } from '@jest/globals'
import Big from 'big.js'
import type { Answer } from '../api-client.js'
import type { ServiceProcess } from '../service-process.js'
import { Reporter } from './reporter.js'

export const HOUR_S = 3600
const SHARED_CUSTOMER = 'cus_shared'

export const meterForms = {
  crash_sum: { 'default_aggregation[formula]': 'sum' },
  crash_hourly: { 'default_aggregation[formula]': 'last', event_time_window: 'hour' },
  crash_count: { 'default_aggregation[formula]': 'count' },
} as const
export type EventName = keyof typeof meterForms
export const eventNames = Object.keys(meterForms) as EventName[]

export interface ReportedUsage {
  readonly eventName: EventName
  readonly customer: string
  readonly value: string
  /** Unix seconds; null: left out. */
  readonly timestamp: number | null
  /** null until an answer said it, where the request had none. */
  identifier: string | null
  readonly sentIdentifier: boolean
  readonly idempotencyKey: string | undefined
  cancelled: boolean
}

interface Operation {
  readonly kind: 'record' | 'again' | 'cancel' | 'shared'
  readonly usage: ReportedUsage
  readonly idempotencyKey: string | undefined
  tries: number
}

/** What every acknowledged request adds up to. */
export class Ledger {
  /** In order of recording for each customer but the shared one. */
  readonly counted: ReportedUsage[] = []
  readonly shared = new Map<string, ReportedUsage>()
  /** Identifiers of what the stream could not count. */
  readonly refused = new Set<string>()
  acknowledged = 0
  refusedForNow = 0

  all(): ReportedUsage[] {
    return [...this.counted, ...this.shared.values()]
  }

  /** Exact decimal text. */
  expected(eventName: EventName, customer: string): string {
    const effective = this.all().filter(
      (usage) => usage.eventName === eventName && usage.customer === customer && !usage.cancelled,
    )
    if (eventName === 'crash_count') return String(effective.length)
    if (eventName === 'crash_sum') return effective.reduce((sum, { value }) => sum.plus(value), Big(0)).toFixed()
    return this.expectedByHour(customer).at(-1)?.value ?? '0'
  }

  /** The hourly meter's windows, oldest first: the report recorded last in each. */
  expectedByHour(customer: string): { start: number; value: string }[] {
    const windows = new Map<number, string>()
    for (const { eventName, customer: whose, timestamp, value, cancelled } of this.counted) {
      if (eventName !== 'crash_hourly' || whose !== customer || cancelled) continue
      windows.set(Math.floor((timestamp as number) / HOUR_S) * HOUR_S, Big(value).toFixed())
    }
    return [...windows].map(([start, value]) => ({ start, value })).sort((left, right) => left.start - right.start)
  }
}

export class SingleReporter extends Reporter<Operation> {
  protected send(service: ServiceProcess, operation: Operation): Promise<Answer> {
    operation.tries++
    const { kind, usage, idempotencyKey } = operation
    const { eventName, customer, value, timestamp, identifier, sentIdentifier } = usage
    if (kind === 'cancel') {
      const form = { event_name: eventName, type: 'cancel', 'cancel[identifier]': identifier as string }
      return service.api.post('/v1/billing/meter_event_adjustments', form, idempotencyKey)
    }
    const form = {
      event_name: eventName,
      'payload[stripe_customer_id]': customer,
      'payload[value]': value,
      ...(sentIdentifier ? { identifier: identifier as string } : {}),
      ...(timestamp === null ? {} : { timestamp: String(timestamp) }),
    }
    return service.api.post('/v1/billing/meter_events', form, idempotencyKey)
  }

  protected take({ kind, usage, idempotencyKey, tries }: Operation, { status, body, headers }: Answer): void {
    const mayBeThere = tries > 1 || kind === 'again' || kind === 'shared'
    const isKnown =
      status === 400 &&
      /^An event already exists with identifier .* It was (counted once|cancelled)/.test(String(body.error?.message))
    if (isKnown) {
      // With its idempotency key, a retry gets the first answer instead.
      expect({ mayBeThere, idempotencyKey }).toEqual({ mayBeThere: true, idempotencyKey: undefined })
    } else {
      expect({ status, body }).toMatchObject({ status: 200 })
      if (kind === 'again') expect(headers).toMatchObject({ 'idempotent-replayed': 'true' })
    }
    switch (kind) {
      case 'record':
        if (!isKnown) usage.identifier = body.identifier ?? null
        this.mine.push(usage)
        this.ledger.counted.push(usage)
        return
      case 'again':
        if (!isKnown) expect(body.identifier).toBe(usage.identifier)
        return
      case 'cancel':
        expect(body.status).toBe('complete')
        usage.cancelled = true
        return
      case 'shared':
        this.ledger.shared.set(usage.identifier as string, usage)
        return
    }
  }

  protected choose(): Operation {
    const { random, mine } = this
    const dice = random.next()
    if (dice < 0.1 && mine.length > 0) {
      const usage = random.pick(mine)
      return { kind: 'again', usage, idempotencyKey: usage.idempotencyKey, tries: 0 }
    }
    if (dice < 0.2) {
      const usage = mine.findLast(({ cancelled }) => !cancelled && random.chance(0.5))
      if (usage) return { kind: 'cancel', usage, idempotencyKey: this.key(0.5), tries: 0 }
    }
    if (dice < 0.35) return { kind: 'shared', usage: this.sharedUsage(), idempotencyKey: undefined, tries: 0 }
    return this.record()
  }

  private record(): Operation {
    const { random } = this
    const eventName = random.pick(eventNames)
    const sentIdentifier = random.chance(0.7)
    const idempotencyKey = this.key(sentIdentifier ? 0.2 : 1)
    const usage: ReportedUsage = {
      eventName,
      customer: this.customer,
      value: `${random.integer(-500, 9_999)}.${random.integer(0, 999)}`,
      timestamp: eventName !== 'crash_hourly' && random.chance(0.3) ? null : this.now - random.integer(0, 6 * HOUR_S),
      identifier: sentIdentifier ? `${this.customer}-${++this.made}` : null,
      sentIdentifier,
      idempotencyKey,
      cancelled: false,
    }
    return { kind: 'record', usage, idempotencyKey, tries: 0 }
  }

  /** The same few events from every reporter at about the same time; whoever is first is counted. */
  private sharedUsage(): ReportedUsage {
    const number = Math.floor(this.ledger.acknowledged / 20)
    return {
      eventName: 'crash_sum',
      customer: SHARED_CUSTOMER,
      value: `${number}.5`,
      timestamp: this.now - number,
      identifier: `shared-${number}`,
      sentIdentifier: true,
      idempotencyKey: undefined,
      cancelled: false,
    }
  }

  private key(probability: number): string | undefined {
    return this.random.chance(probability) ? `key-${this.customer}-${++this.made}` : undefined
  }
}

/** Compares the service's summaries of one customer with the ledger's. */
export async function checkCustomer(
  service: ServiceProcess,
  ledger: Ledger,
  meterIds: Readonly<Record<EventName, string>>,
  customer: string,
  { start, end }: { readonly start: number; readonly end: number },
): Promise<void> {
  const range = { customer, start_time: String(start), end_time: String(end) }
  for (const eventName of eventNames) {
    const { status, body } = await service.api.get(`/v1/billing/meters/${meterIds[eventName]}/event_summaries`, range)
    expect({ status, value: body.data?.[0]?.aggregated_value_decimal, eventName, customer }).toEqual({
      status: 200,
      value: ledger.expected(eventName, customer),
      eventName,
      customer,
    })
  }
  const { body } = await service.api.get(`/v1/billing/meters/${meterIds.crash_hourly}/event_summaries`, {
    ...range,
    value_grouping_window: 'hour',
    limit: '100',
  })
  const windows = ((body.data ?? []) as { start_time: number; aggregated_value_decimal: string }[])
    .map((summary) => ({ start: summary.start_time, value: summary.aggregated_value_decimal }))
    .reverse()
  expect(windows).toEqual(ledger.expectedByHour(customer))
}
