/** As `load.ts`, over the stream, batch by batch. A reporter's session lives through the deaths of the service. */
import { expect } from '@jest/globals'
import { identifierInBatch } from '../../src/commands/usage-identity.js'
import type { Answer } from '../api-client.js'
import type { ServiceProcess } from '../service-process.js'
import { eventNames, HOUR_S, type ReportedUsage } from './load.js'
import { Reporter } from './reporter.js'

const LEDGER = 'default~test'
const BATCH_MAX = 100
const NO_METER = 'crash_nowhere'

/** What becomes of an event once its batch is answered. */
interface Sent {
  readonly kind: 'record' | 'again' | 'refused'
  readonly usage: ReportedUsage
  readonly event: object
}

type Operation =
  | { readonly kind: 'batch'; readonly events: readonly Sent[]; readonly idempotencyKey: string }
  | { readonly kind: 'cancel'; readonly usage: ReportedUsage }

export class StreamReporter extends Reporter<Operation> {
  private token: string | undefined

  protected async send(service: ServiceProcess, operation: Operation): Promise<Answer> {
    this.token ??= (await service.api.postJson('/v2/billing/meter_event_session', {})).body.authentication_token
    if (operation.kind === 'cancel') {
      const { eventName, identifier } = operation.usage
      return service.api.postJson('/v2/billing/meter_event_adjustments', {
        event_name: eventName,
        type: 'cancel',
        cancel: { identifier },
      })
    }
    const events = operation.events.map(({ event }) => event)
    const { token, idempotencyKey } = { token: this.token ?? '', idempotencyKey: operation.idempotencyKey }
    return service.api.postJson('/v2/billing/meter_event_stream', { events }, { token, idempotencyKey })
  }

  protected take(operation: Operation, { status, body }: Answer): void {
    expect({ status, body }).toMatchObject({ status: 200 })
    if (operation.kind === 'cancel') {
      operation.usage.cancelled = true
      return
    }
    for (const { kind, usage } of operation.events) {
      if (kind === 'record') {
        this.mine.push(usage)
        this.ledger.counted.push(usage)
      } else if (kind === 'refused') this.ledger.refused.add(usage.identifier as string)
    }
  }

  protected choose(): Operation {
    const { random } = this
    const usage = random.chance(0.15) ? this.mine.findLast(({ cancelled }) => !cancelled && random.chance(0.5)) : null
    return usage ? { kind: 'cancel', usage } : this.batch()
  }

  private batch(): Operation {
    const { random } = this
    const idempotencyKey = `stream-${this.customer}-${++this.made}`
    const size = random.chance(0.3) ? BATCH_MAX : random.integer(1, 20)
    const events: Sent[] = []
    for (let index = 0; index < size; index++) {
      const dice = random.next()
      const known = [
        ...this.mine.slice(-200),
        ...events.filter(({ kind }) => kind === 'record').map(({ usage }) => usage),
      ]
      const earlier = known.length > 0 && dice < 0.15 ? random.pick(known) : null
      if (earlier && dice < 0.1) events.push({ kind: 'again', usage: earlier, event: eventOf(earlier, true) })
      else if (earlier) {
        const other = { ...earlier, value: `${earlier.value}1` }
        // Another body, also where the meter only counts.
        events.push({ kind: 'refused', usage: earlier, event: eventOf(other, true) })
      } else if (dice < 0.2) {
        const usage = { ...this.usage(idempotencyKey, index), identifier: `nowhere-${idempotencyKey}-${index}` }
        events.push({ kind: 'refused', usage, event: { ...eventOf(usage, true), event_name: NO_METER } })
      } else {
        const usage = this.usage(idempotencyKey, index)
        events.push({ kind: 'record', usage, event: eventOf(usage, usage.sentIdentifier) })
      }
    }
    return { kind: 'batch', events, idempotencyKey }
  }

  private usage(idempotencyKey: string, index: number): ReportedUsage {
    const { random } = this
    const eventName = random.pick(eventNames)
    const sentIdentifier = random.chance(0.7)
    return {
      eventName,
      customer: this.customer,
      value: `${random.integer(-500, 9_999)}.${random.integer(0, 999)}`,
      timestamp: this.now - random.integer(0, 6 * HOUR_S),
      // Without one, the service makes it of the key and the place in the call.
      identifier: sentIdentifier ? `${idempotencyKey}-${index}` : identifierInBatch(LEDGER, idempotencyKey, index),
      sentIdentifier,
      idempotencyKey,
      cancelled: false,
    }
  }
}

function eventOf({ eventName, customer, value, timestamp, identifier }: ReportedUsage, named: boolean): object {
  return {
    event_name: eventName,
    ...(named ? { identifier } : {}),
    ...(timestamp === null ? {} : { timestamp: new Date(timestamp * 1000).toISOString() }),
    payload: { stripe_customer_id: customer, value },
  }
}
