/**
 * Takes a part of an import and answers for each of its events at once: counted, counted before, or refused and why. Unlike
 * the stream it stores no rejections, for whoever imports has the events at hand.
 */
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs'
import { Inject } from '@nestjs/common'
import { DomainError } from '../domain/errors.js'
import type { JsonValue } from '../domain/json.js'
import type { LedgerName } from '../domain/ledger.js'
import { EVENT_STORE, type EventStore, type Position } from '../event-store/event-store.js'
import { later } from '../event-store/read-your-writes.js'
import type { RequestContext } from '../event-store/transact.js'
import { CLOCK, type Clock } from './environment.js'
import { UsageImport, type Fate } from './import-usage.js'
import { MeterCatalogues } from './meter-catalogues.js'
import type { ParseTimestamp } from './record-usage-stream.js'
import { identifierInBatch } from './usage-identity.js'
import { UsageLedger } from './usage-ledger.js'

export interface ImportResult {
  /** One for each event. */
  readonly outcomes: readonly Fate['outcome'][]
  /** Of the last event that was appended; null: none was. */
  readonly position: Position | null
}

export class ImportUsageBatch extends Command<ImportResult> {
  constructor(
    readonly ledger: LedgerName,
    readonly events: readonly JsonValue[],
    /** Whether timestamps older than 35 days are taken. */
    readonly backfill: boolean,
    /** Makes the identifiers of events that have none; null: those are refused, since they would count at every attempt. */
    readonly idempotencyKey: string | null,
    readonly parseTimestamp: ParseTimestamp,
    readonly context: RequestContext,
  ) {
    super()
  }
}

@CommandHandler(ImportUsageBatch)
export class ImportUsageBatchHandler implements ICommandHandler<ImportUsageBatch> {
  constructor(
    private readonly catalogues: MeterCatalogues,
    private readonly usage: UsageLedger,
    @Inject(EVENT_STORE) private readonly store: EventStore,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** @throws Overloaded, EventStoreUnavailable, ReadModelBehind: the whole batch may be sent again, what counted counts once. */
  execute(batch: ImportUsageBatch): Promise<ImportResult> {
    return this.usage.recording(this.clock.now(), () => this.import(batch))
  }

  private async import({ events, idempotencyKey, ...batch }: ImportUsageBatch): Promise<ImportResult> {
    const { ledger, backfill, parseTimestamp, context } = batch
    const catalogue = await this.catalogues.latest(ledger)
    const settings = { ledger, catalogue, backfill, parseTimestamp, clock: this.clock, context }
    const usageImport = new UsageImport(this.usage, settings)
    const fates = await Promise.allSettled(
      events.map((event, index) => usageImport.take(event, () => identifierOf(ledger, idempotencyKey, index))),
    )
    // Every write has settled: nothing is left under way behind this answer.
    let last: Position | null = null
    const outcomes = fates.map((fate) => {
      if (fate.status === 'rejected') throw fate.reason
      const { outcome, position } = fate.value
      if (outcome === 'counted') last = later(this.store, last, position)
      return outcome
    })
    return { outcomes, position: last }
  }
}

function identifierOf(ledger: LedgerName, idempotencyKey: string | null, index: number): string {
  if (idempotencyKey !== null) return identifierInBatch(ledger, idempotencyKey, index)
  throw new DomainError(
    'parameter_invalid',
    'The event has no identifier. Give it one, or send the request with an Idempotency-Key to make them from.',
    'identifier',
  )
}
