/**
 * What the events of a log must be to one another: revisions without a gap, usage in the streams of its meter's ledger and
 * in its own partition, and a cancellation that repeats the record it cancels word by word.
 */
import { isDeepStrictEqual } from 'node:util'
import { usagePartition } from '../domain/usage-partition.js'
import type { UsageCancelled } from '../domain/usage-record.js'
import type { LedgerName } from '../domain/ledger.js'
import type { RecordedEvent } from '../event-store/event-store.js'
import { StreamOrder } from '../event-store/stream-order.js'
import { ledgerOf, partitionOf } from '../event-store/streams.js'
import type { ProjectedEvent } from '../projections/projection.js'
import type { RowReader } from '../read-model/read-model.js'
import { meters, usageRecords, usageSeries } from '../read-model/tables.js'

/** One event that is not what the events around it say it must be. */
export interface Contradiction {
  readonly stream: string
  readonly revision: number
  readonly message: string
}

export class LogCheck {
  private readonly order = new StreamOrder()
  private readonly ledgers = new Map<string, LedgerName>()
  private readonly partitions = new Map<LedgerName, number>()

  constructor(private readonly report: (contradiction: Contradiction) => void) {}

  revision({ stream, revision }: RecordedEvent): void {
    const message = this.order.next({ stream, revision })
    if (message !== null) this.report({ stream, revision, message })
  }

  /** Of events whose usage is in the rows already. */
  async events(events: readonly ProjectedEvent[], rows: RowReader): Promise<void> {
    const cancelled: (ProjectedEvent & { readonly data: UsageCancelled })[] = []
    for (const projected of events) {
      const { event, stream } = projected
      if (event.type === 'LedgerOpened') this.partitions.set(ledgerOf(stream), event.data.usagePartitions)
      else if (event.type === 'MeterCreated') this.ledgers.set(event.data.meterId, ledgerOf(stream))
      else if (event.type === 'UsageRecorded' || event.type === 'UsageCancelled') {
        this.place(projected, event.data.meterId, event.data.identifier)
        if (event.type === 'UsageCancelled') cancelled.push({ ...projected, data: event.data })
      }
    }
    await this.cancellations(cancelled, rows)
  }

  private place({ stream, revision }: ProjectedEvent, meterId: string, identifier: string): void {
    const ledger = ledgerOf(stream)
    const say = (what: string): void =>
      this.report({ stream, revision, message: `Event ${revision} of stream ${stream} ${what}` })
    const owner = this.ledgers.get(meterId)
    if (owner !== ledger) return say(`is about meter ${meterId}, which is not of the ledger ${ledger}.`)
    const partition = usagePartition(meterId, identifier, this.partitions.get(ledger) ?? 0)
    if (partition !== partitionOf(stream)) say(`is about a record that belongs to partition ${partition}.`)
  }

  private async cancellations(
    cancelled: readonly (ProjectedEvent & { readonly data: UsageCancelled })[],
    rows: RowReader,
  ): Promise<void> {
    for (const { stream, revision, data } of cancelled) {
      const [meter] = await rows.get(meters, [[data.meterId]], 'meterId')
      const [row] = meter ? await rows.get(usageRecords, [[meter.number, data.identifier]], 'identifier') : []
      const [series] = row ? await rows.get(usageSeries, [[row.series]]) : []
      if (!row || !series) continue // Projecting it has stopped, and said why.
      const { cancelledAt: _at, meterId: _meter, ...repeated } = data
      const { identifier, value, occurredAt, recordedAt } = row
      const payload = row.payload === null ? {} : (JSON.parse(row.payload) as Record<string, string>)
      const record = { identifier, customer: series.customer, value, occurredAt, recordedAt, payload }
      const differs = (Object.keys(record) as (keyof typeof record)[]).filter(
        (key) => !isDeepStrictEqual(Object(record[key]), Object(repeated[key])),
      )
      if (differs.length === 0) continue
      const message = `Event ${revision} of stream ${stream} cancels record ${JSON.stringify(identifier)} of meter ${data.meterId}, but its ${differs.join(' and ')} ${differs.length === 1 ? 'is' : 'are'} not what event ${row.revision} recorded.`
      this.report({ stream, revision, message })
    }
  }
}
