/**
 * Tries refused meter events again, judged by the meters as they are now but as of their own receipt: what was in time then
 * is in time now, however long ago. What counts, counts once under the rejection's identifier, at its own time, and was
 * recorded now: it can be cancelled for 24 hours from here.
 *
 * Nothing is appended for what is still refused or was resolved before, so every retry may be sent again.
 */
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs'
import { Inject } from '@nestjs/common'
import { DomainError } from '../domain/errors.js'
import type { JsonValue } from '../domain/json.js'
import type { LedgerName } from '../domain/ledger.js'
import { activeMeter, type Meter, type State } from '../domain/meter-catalogue.js'
import { earliestTimestamp, readMeterEvent } from '../domain/meter-event.js'
import { readRejectedEvent } from '../domain/streamed-event.js'
import { EVENT_STORE, type EventStore, type Position } from '../event-store/event-store.js'
import { later, ReadYourWrites } from '../event-store/read-your-writes.js'
import type { RequestContext } from '../event-store/transact.js'
import { PageLimit } from '../read-model/page-limit.js'
import { READ_MODEL, type ReadModel } from '../read-model/read-model.js'
import { usageRejections, type UsageRejectionRow } from '../read-model/tables.js'
import { turn } from '../turns.js'
import { CLOCK, type Clock } from './environment.js'
import { MeterCatalogues } from './meter-catalogues.js'
import { RecordingOrder } from './recording-order.js'
import { readStreamedTimestamp, type ParseTimestamp } from './record-usage-stream.js'
import { RejectionLog } from './rejection-log.js'
import { UsageLedger } from './usage-ledger.js'

export type RetryOutcome =
  /** It counts from now on. */
  | { readonly fate: 'counted'; readonly position: Position }
  /** It had been counted already, with the same body. */
  | { readonly fate: 'duplicate'; readonly position: Position }
  | { readonly fate: 'resolved-before' }
  | { readonly fate: 'refused'; readonly reason: Pick<DomainError, 'code' | 'message' | 'param'> }

export interface RetryResult {
  /** One for each rejection. */
  readonly outcomes: readonly RetryOutcome[]
  /** Of the last event that was appended; null: none was. */
  readonly position: Position | null
}

/** Rejections of one call. */
export const RETRIES_MAX = 1000
/** Rejected events may be large, so few of those are held, and tried, at once. */
const ROWS_AT_ONCE_MAX = 512
const ROWS_AT_FIRST = 32
const BYTES_AT_ONCE = 1024 * 1024

export class RetryRejections extends Command<RetryResult> {
  constructor(
    readonly ledger: LedgerName,
    /** Revisions of the rejections, at most `RETRIES_MAX`, oldest first: they are recorded in this order. */
    readonly rejections: readonly number[],
    readonly parseTimestamp: ParseTimestamp,
    readonly context: RequestContext,
  ) {
    super()
  }
}

@CommandHandler(RetryRejections)
export class RetryRejectionsHandler implements ICommandHandler<RetryRejections> {
  /** Retries under way, by ledger and revision: whoever asks for the same one meanwhile shares its outcome. */
  private readonly running = new Map<string, Promise<RetryOutcome>>()
  private readonly order = new RecordingOrder()

  constructor(
    private readonly catalogues: MeterCatalogues,
    private readonly usage: UsageLedger,
    private readonly rejections: RejectionLog,
    private readonly readYourWrites: ReadYourWrites,
    @Inject(EVENT_STORE) private readonly store: EventStore,
    @Inject(READ_MODEL) private readonly readModel: ReadModel,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /**
   * @throws DomainError `resource_missing` for an unknown one; Overloaded, EventStoreUnavailable, ReadModelBehind: the call may be
   * sent again.
   */
  async execute(command: RetryRejections): Promise<RetryResult> {
    const { ledger, rejections } = command
    const catalogue = await this.catalogues.latest(ledger)
    await this.readYourWrites.settled()
    const outcomes: RetryOutcome[] = []
    const limit = new PageLimit(ROWS_AT_ONCE_MAX, BYTES_AT_ONCE, ROWS_AT_FIRST)
    while (outcomes.length < rejections.length) {
      // Where all are refused again nothing else is waited for.
      await turn()
      const rows = await this.rowsOf(ledger, rejections.slice(outcomes.length, outcomes.length + limit.rows))
      limit.sawRows(rows.reduce((sum, { event }) => sum + event.length, 0) / rows.length)
      const settled = await Promise.allSettled(rows.map((row) => this.once(row, catalogue, command)))
      // Every write has settled: nothing is left under way behind this answer.
      for (const each of settled) {
        if (each.status === 'rejected') throw each.reason
        outcomes.push(each.value)
      }
    }
    let position: Position | null = null
    for (const each of outcomes) if ('position' in each) position = later(this.store, position, each.position)
    return { outcomes, position }
  }

  private async rowsOf(ledger: LedgerName, rejections: readonly number[]): Promise<UsageRejectionRow[]> {
    const found = await this.readModel.get(
      usageRejections,
      rejections.map((revision) => [ledger, revision]),
    )
    return found.map((row, index) => {
      if (row) return row
      throw new DomainError('resource_missing', `No such rejection: 'rej_${rejections[index]}'.`, 'id')
    })
  }

  private once(row: UsageRejectionRow, catalogue: State, command: RetryRejections): Promise<RetryOutcome> {
    const key = `${row.ledger} ${row.revision}`
    const running = this.running.get(key)
    if (running) return running
    const retry = this.retry(row, catalogue, command).finally(() => this.running.delete(key))
    this.running.set(key, retry)
    return retry
  }

  private retry(row: UsageRejectionRow, catalogue: State, command: RetryRejections): Promise<RetryOutcome> {
    return this.usage.recording(this.clock.now(), () => this.retryNow(row, catalogue, command))
  }

  private async retryNow(row: UsageRejectionRow, catalogue: State, command: RetryRejections): Promise<RetryOutcome> {
    if (row.status === 'resolved') return { fate: 'resolved-before' }
    try {
      const { meter, isNew } = await this.record(row, catalogue, command)
      const position = await this.resolve(row, meter, command)
      return { fate: isNew ? 'counted' : 'duplicate', position }
    } catch (error) {
      if (!(error instanceof DomainError)) throw error
      // Its stack would keep the row.
      const { code, message, param } = error
      return { fate: 'refused', reason: { code, message, param } }
    }
  }

  private async record(
    { identifier, event, message, receivedAt }: UsageRejectionRow,
    catalogue: State,
    { ledger, parseTimestamp, context }: RetryRejections,
  ): Promise<{ readonly meter: Meter; readonly isNew: boolean }> {
    const read = readRejectedEvent(JSON.parse(event) as JsonValue, message)
    const meter = activeMeter(catalogue, read.eventName)
    const timestamp = read.timestamp === null ? null : readStreamedTimestamp(read.timestamp, parseTimestamp)
    const asOfReceipt = readMeterEvent(meter, { ...read, identifier, timestamp }, receivedAt)
    const earliest = earliestTimestamp(receivedAt)
    const record = { ...asOfReceipt, recordedAt: this.clock.now() }
    const command = { type: 'RecordUsage', record, hasTimestamp: timestamp !== null, earliest } as const
    const { isNew } = await this.order.submit(meter, record, () =>
      this.usage.submit(ledger, catalogue.usagePartitions ?? 1, meter, identifier, command, context),
    )
    return { meter, isNew }
  }

  private async resolve(
    { revision: rejection, identifier }: UsageRejectionRow,
    { id: meterId }: Meter,
    { ledger, context }: RetryRejections,
  ): Promise<Position> {
    const data = { rejection, meterId, identifier, at: this.clock.now() }
    const position = await this.rejections.append(ledger, { type: 'UsageRejectionResolved', data }, context)
    this.readYourWrites.acknowledge(position)
    return position
  }
}
