/**
 * What every query reads through: it waits until the read model has everything this process acknowledged (and the
 * position the client asks for), then reads one committed state and says which position that is.
 */
import { setTimeout as delay } from 'node:timers/promises'
import type { LedgerName } from '../domain/ledger.js'
import { DomainError } from '../domain/errors.js'
import type { EventStore, Position } from '../event-store/event-store.js'
import { later, type Asker, type ReadYourWrites } from '../event-store/read-your-writes.js'
import type { ReadModel, RowReader } from '../read-model/read-model.js'
import { meters, usageMarks, type MeterRow } from '../read-model/tables.js'
import { findAsOf, type AsOf, type AsOfRequest } from './as-of.js'
import type { ReadTurns } from './read-turns.js'
import type { ReceivedUsage, UnprojectedRecord, UnprojectedUsage } from '../event-store/unprojected-usage.js'

/** An instant has passed once the next one has begun. */
const INSTANT_MS = 1
/** So long after an instant other processes have recorded what they received by then, and their clocks are past it. */
const OTHERS_SETTLE_MS = 1_000

/** Whose data is asked for, and as of which position at least. Its signal ends the work for nobody. */
export interface QueryContext extends Asker {
  readonly minPosition: Position | null
}

export interface Answer<Result> {
  readonly result: Result
  /** Of the last event the result reflects; null before the first. */
  readonly position: string | null
}

export class Reader {
  constructor(
    private readonly readModel: ReadModel,
    private readonly readYourWrites: ReadYourWrites,
    readonly store: EventStore,
    /** What this process appends; null where it appends none. */
    private readonly usage: (UnprojectedUsage & ReceivedUsage) | null = null,
    /** Whether no other process appends usage, so that all of it is known without the rows. */
    private readonly isSoleWriter = false,
  ) {}

  /** Each look at them by itself, for what asks the log in between. */
  get rows(): RowReader {
    return this.readModel
  }

  /** A position a client sent back; null for text that is none of this store's. */
  parsePosition(text: string): Position | null {
    return this.store.parsePosition(text)
  }

  /** `turns`: what this read waits for its turn in; null for one that is short. */
  async read<Result>(
    context: QueryContext,
    projection: string,
    read: (rows: RowReader) => Promise<Result>,
    turns: ReadTurns | null = null,
  ): Promise<Answer<Result>> {
    await this.readYourWrites.settled(context.minPosition, context)
    return this.snapshot(context, turns, async (rows) => {
      const { position } = await rows.checkpoint(projection)
      return { result: await read(rows), position }
    })
  }

  /**
   * As `read`, without waiting for a customer's usage to be projected: `read` is given the records that may not be in the
   * rows yet, and answers null where it needs them in the rows. Answers null then, and where not all of them are known.
   */
  async readUnprojected<Result>(
    context: QueryContext,
    projection: string,
    { meterId, customer }: { readonly meterId: string; readonly customer: string },
    read: (rows: RowReader, records: readonly UnprojectedRecord[]) => Promise<Result | null>,
  ): Promise<Answer<Result> | null> {
    if (!this.usage || !this.isSoleWriter) return null
    await this.readYourWrites.metersSettled(context.minPosition, context)
    // Before the rows are read: what is projected meanwhile is then in both, and nothing in neither.
    const unprojected = this.usage.unprojected(context.ledger, meterId, customer)
    if (!unprojected) return null
    const { position, records } = unprojected
    const known = later(this.store, position, this.readYourWrites.lastAcknowledged)
    return this.snapshot(context, null, async (rows) => {
      const projected = (await rows.checkpoint(projection)).position
      const result = await read(rows, records)
      return result === null ? null : { result, position: later(this.store, known, projected as Position | null) }
    })
  }

  /**
   * The moment of the past that is asked for; null where none is. The log is asked for it, so it is found before a snapshot
   * is taken: a store that does not answer keeps nobody waiting who needs only rows. What is found holds for every snapshot
   * that is taken afterwards, for rows only come to have more of the log.
   *
   * @throws DomainError for a moment that has not come, and a position that is not in the log; EventStoreUnavailable.
   */
  async momentOf(context: QueryContext, asOf: AsOfRequest | null): Promise<AsOf | null> {
    if (asOf === null) return null
    await this.readYourWrites.settled(context.minPosition, context)
    if (asOf.type === 'instant') await this.isOver(asOf, context)
    const { position } = await this.rows.checkpoint('usage-marks')
    return findAsOf(this.rows, this.store, asOf, position)
  }

  /**
   * As `read`, where `then` is null; else of that moment: the answer's position is that of the last usage event up to it.
   * Rows are as they stand; who reads them leaves out what came later.
   */
  async readAsOf<Result>(
    context: QueryContext,
    projection: string,
    then: AsOf | null,
    read: (rows: RowReader) => Promise<Result>,
    turns: ReadTurns | null = null,
  ): Promise<Answer<Result>> {
    if (then === null) return this.read(context, projection, read, turns)
    return { result: await this.snapshot(context, turns, read), position: then.position }
  }

  /**
   * The only place where turns are taken. Whatever else is waited for has come by now, and stays: what holds up one caller, a
   * position that is far ahead for instance, must not hold up those who wait for a turn behind it.
   */
  private snapshot<Result>(
    { ledger, signal }: QueryContext,
    turns: ReadTurns | null,
    read: (rows: RowReader) => Promise<Result>,
  ): Promise<Result> {
    const look = (): Promise<Result> => this.readModel.snapshot(read, signal)
    return turns === null ? look() : turns.take(ledger, signal, look)
  }

  /**
   * Resolves once nothing more can be recorded that belongs to an instant: something later is in the rows, or everything that
   * was received by then has ended. What is asked for then is answered in the same way for ever.
   */
  private async isOver({ at, now }: AsOfRequest & { readonly type: 'instant' }, asker: Asker): Promise<void> {
    const [last] = await this.readModel.range(usageMarks, { reverse: true, limit: 1 })
    if (at > now || (last && last.latest > at)) return
    const othersSettleInMs = this.isSoleWriter ? INSTANT_MS : OTHERS_SETTLE_MS
    if (now - at < othersSettleInMs) await delay(othersSettleInMs - (now - at), undefined, { signal: asker.signal })
    await this.usage?.settledUpTo(at, asker.signal)
    await this.readYourWrites.settled(null, asker)
  }
}

/** @throws DomainError `resource_missing`, also for another ledger's meter. */
export async function requireMeter(
  rows: RowReader,
  ledger: LedgerName,
  meterId: string,
  param = 'id',
): Promise<MeterRow> {
  const [row] = await rows.get(meters, [[meterId]], 'meterId')
  if (!row || row.ledger !== ledger) throw new DomainError('resource_missing', `No such meter: '${meterId}'.`, param)
  return row
}
