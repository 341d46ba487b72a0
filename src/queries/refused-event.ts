/** A refused event as it was sent, which may be anything that JSON can say, and whose it would have been. */
import type { JsonValue } from '../domain/json.js'
import type { LedgerName } from '../domain/ledger.js'
import { DEFAULT_CUSTOMER_KEY, METERS_MAX } from '../domain/meter-catalogue.js'
import type { KeyValue, RowReader } from '../read-model/read-model.js'
import { meters, type UsageRejectionRow } from '../read-model/tables.js'

/** What an object holds under a key; undefined where it holds nothing there, or is no object. */
export function ownValue(value: JsonValue | undefined, key: string): JsonValue | undefined {
  if (typeof value !== 'object' || value === null || Array.isArray(value)) return undefined
  return Object.hasOwn(value, key) ? (value as { readonly [key: string]: JsonValue })[key] : undefined
}

/** Under which keys of their payloads the refused events of a ledger name a customer. */
export class CustomerKeys {
  private readonly byMeter = new Map<string, string>()
  private readonly byEventName = new Map<string, Set<string>>()

  private constructor(known: readonly KeyValue[][]) {
    for (const [meterId, eventName, customerKey] of known as [string, string, string][]) {
      this.byMeter.set(meterId, customerKey)
      const keys = this.byEventName.get(eventName) ?? new Set()
      this.byEventName.set(eventName, keys.add(customerKey))
    }
  }

  static async of(rows: RowReader, ledger: LedgerName): Promise<CustomerKeys> {
    const range = { index: 'ledger', prefix: [ledger], limit: METERS_MAX }
    return new CustomerKeys(await rows.values(meters, ['meterId', 'eventName', 'customerKey'], range))
  }

  /** Under the key of the meter that refused the event; where none did, of a meter of its event name, or the usual one. */
  isOf(customer: string, { meterId, eventName, event }: UsageRejectionRow): boolean {
    // Most name another one: that can be seen without parsing, unless something is written as an escape.
    if (!event.includes('\\') && !event.includes(`"${customer}"`)) return false
    const payload = ownValue(JSON.parse(event) as JsonValue, 'payload')
    for (const key of this.keys(meterId, eventName)) if (ownValue(payload, key) === customer) return true
    return false
  }

  private keys(meterId: string | null, eventName: string | null): Iterable<string> {
    const its = meterId === null ? undefined : this.byMeter.get(meterId)
    if (its !== undefined) return [its]
    return (eventName === null ? undefined : this.byEventName.get(eventName)) ?? [DEFAULT_CUSTOMER_KEY]
  }
}
