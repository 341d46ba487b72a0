/** Counts one meter event: durable and visible to the next read once answered. */
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs'
import { Inject } from '@nestjs/common'
import { DomainError } from '../domain/errors.js'
import type { LedgerName } from '../domain/ledger.js'
import { activeMeter, type Meter, type State } from '../domain/meter-catalogue.js'
import { earliestTimestamp, readMeterEvent } from '../domain/meter-event.js'
import type { UsageRecord } from '../domain/usage-record.js'
import type { RequestContext } from '../event-store/transact.js'
import { CLOCK, IDS, type Clock, type Ids } from './environment.js'
import { MeterCatalogues } from './meter-catalogues.js'
import { identifierOfRequest } from './usage-identity.js'
import { UsageLedger } from './usage-ledger.js'
import type { UsageOutcome } from './usage-partition-writer.js'

export interface RecordedUsage {
  readonly meter: Meter
  readonly record: UsageRecord
  readonly outcome: UsageOutcome
}

export class RecordUsage extends Command<RecordedUsage> {
  constructor(
    readonly ledger: LedgerName,
    readonly event: {
      readonly eventName: string
      readonly payload: Readonly<Record<string, string>>
      /** null: one is made, the same again when the request is retried with its idempotency key. */
      readonly identifier: string | null
      /** Milliseconds since the epoch; null: the time of receipt. */
      readonly timestamp: number | null
    },
    readonly context: RequestContext,
  ) {
    super()
  }
}

@CommandHandler(RecordUsage)
export class RecordUsageHandler implements ICommandHandler<RecordUsage> {
  constructor(
    private readonly catalogues: MeterCatalogues,
    private readonly usage: UsageLedger,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(IDS) private readonly ids: Ids,
  ) {}

  async execute(report: RecordUsage): Promise<RecordedUsage> {
    const receivedAt = this.clock.now()
    return this.usage.recording(receivedAt, () => this.record(report, receivedAt))
  }

  private async record({ ledger, event, context }: RecordUsage, receivedAt: number): Promise<RecordedUsage> {
    const { meter, partitions } = await this.findMeter(ledger, event.eventName)
    const identifier =
      event.identifier ?? (context.idempotency ? identifierOfRequest(ledger, context.idempotency.key) : this.ids.uuid())
    const record = readMeterEvent(meter, { ...event, identifier }, receivedAt)
    const earliest = earliestTimestamp(receivedAt)
    const outcome = await this.usage.submit(
      ledger,
      partitions,
      meter,
      identifier,
      { type: 'RecordUsage', record, hasTimestamp: event.timestamp !== null, earliest },
      context,
    )
    return { meter, record: outcome.state.record, outcome }
  }

  private async findMeter(ledger: LedgerName, eventName: string): Promise<{ meter: Meter; partitions: number }> {
    try {
      return active(await this.catalogues.recent(ledger), eventName)
    } catch (error) {
      if (!(error instanceof DomainError)) throw error
      // Another process may have made the meter a moment ago: only the stream itself can say that there is none.
      return active(await this.catalogues.latest(ledger), eventName)
    }
  }
}

function active(state: State, eventName: string): { meter: Meter; partitions: number } {
  const meter = activeMeter(state, eventName)
  if (state.usagePartitions === null) throw new Error('A ledger with a meter has no number of partitions.')
  return { meter, partitions: state.usagePartitions }
}
