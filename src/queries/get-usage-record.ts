/** One usage record, with the events that made it what it is, read from the log itself. */
import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs'
import { Inject } from '@nestjs/common'
import { DomainError } from '../domain/errors.js'
import { EVENT_STORE, type EventStore } from '../event-store/event-store.js'
import { usageStream } from '../event-store/streams.js'
import { toMeter } from '../projections/meters.js'
import { usageRecords } from '../read-model/tables.js'
import { readEvent } from './read-event.js'
import { Reader, requireMeter, type Answer, type QueryContext } from './reader.js'
import { viewRecords, type UsageRecordView } from './usage-record-view.js'

export interface UsageRecordEvent {
  readonly id: string
  readonly type: 'UsageRecorded' | 'UsageCancelled'
  readonly stream: string
  readonly revision: number
  readonly position: string
  readonly requestId: string
  readonly actor: string
  /** When it was received. */
  readonly at: number
}

export interface UsageRecordHistory {
  readonly record: UsageRecordView
  readonly events: readonly UsageRecordEvent[]
}

export class GetUsageRecord extends Query<Answer<UsageRecordHistory>> {
  constructor(
    readonly context: QueryContext,
    readonly meterId: string,
    readonly identifier: string,
  ) {
    super()
  }
}

@QueryHandler(GetUsageRecord)
export class GetUsageRecordHandler implements IQueryHandler<GetUsageRecord> {
  constructor(
    private readonly reader: Reader,
    @Inject(EVENT_STORE) private readonly store: EventStore,
  ) {}

  /** @throws DomainError `resource_missing`. */
  async execute({ context, meterId, identifier }: GetUsageRecord): Promise<Answer<UsageRecordHistory>> {
    const { result, position } = await this.reader.read(context, 'usage-index', async (rows) => {
      const meter = await requireMeter(rows, context.ledger, meterId, 'meter')
      const [row] = await rows.get(usageRecords, [[meter.number, identifier]], 'identifier')
      if (!row) {
        throw new DomainError('resource_missing', `No such meter event: '${identifier}' of ${meterId}.`, 'identifier')
      }
      const [record] = await viewRecords(rows, [row], new Map([[meter.number, toMeter(meter)]]))
      return { row, record: record as UsageRecordView }
    })
    const { row, record } = result
    const stream = usageStream(context.ledger, row.partition)
    const revisions = [row.revision, row.cancelledRevision].filter((revision) => revision !== null)
    const events = await Promise.all(revisions.map((revision) => this.event(stream, revision)))
    return { result: { record, events }, position }
  }

  private async event(stream: string, revision: number): Promise<UsageRecordEvent> {
    const { event, recorded } = await readEvent(this.store, { stream, revision })
    if (event.type !== 'UsageRecorded' && event.type !== 'UsageCancelled') {
      throw new Error(`Event ${revision} of ${stream} is no usage event.`)
    }
    const { id, position, metadata } = recorded
    return {
      id,
      type: event.type,
      stream,
      revision,
      position,
      requestId: metadata.correlationId,
      actor: metadata.actor,
      at: event.type === 'UsageRecorded' ? event.data.recordedAt : event.data.cancelledAt,
    }
  }
}
