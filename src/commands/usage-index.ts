/** What the read model knows of usage records: every one ever projected. Rows are only looked up here, never trusted alone. */
import type { UsageRecord, State } from '../domain/usage-record.js'
import { initial } from '../domain/usage-record.js'
import type { ReadModel } from '../read-model/read-model.js'
import {
  meters,
  usageRecords,
  usageSeries,
  usageStreams,
  type UsageRecordRow,
  type UsageSeriesRow,
} from '../read-model/tables.js'

/** A record as it stands, and the revision of the last event about it; 0 for none. */
export interface KnownRecord {
  readonly state: State
  readonly revision: number
}

export const ABSENT: KnownRecord = { state: initial, revision: 0 }

export class UsageIndex {
  /** A meter's number never changes in the same rows. */
  private readonly numbers = new Map<string, number>()

  constructor(private readonly readModel: ReadModel) {}

  /** Other rows took the place of those it was asked of: what was wrong in them may have been a number. */
  rebuilt(): void {
    this.numbers.clear()
  }

  /** In the order asked for. */
  async find(records: readonly { readonly meterId: string; readonly identifier: string }[]): Promise<KnownRecord[]> {
    const keys: (readonly [number | null, string])[] = []
    // A meter that is not projected yet has no projected records either.
    for (const { meterId, identifier } of records) {
      // There are hundreds, of few meters: nothing is awaited for a meter that is known.
      keys.push([this.numbers.get(meterId) ?? (await this.numberOf(meterId)), identifier])
    }
    const rows = await this.readModel.get(usageRecords, keys, 'identifier')
    const series = await this.seriesOf(rows)
    return rows.map((row, index) =>
      row
        ? {
            state: stateOf(records[index]?.meterId ?? '', row, series),
            revision: row.cancelledRevision ?? row.revision,
          }
        : ABSENT,
    )
  }

  /** Revision up to which a usage stream has been projected. */
  async projectedRevision(stream: string): Promise<number> {
    const [row] = await this.readModel.get(usageStreams, [[stream]])
    return row?.revision ?? 0
  }

  private async numberOf(meterId: string): Promise<number | null> {
    const [row] = await this.readModel.get(meters, [[meterId]], 'meterId')
    if (!row) return null
    this.numbers.set(meterId, row.number)
    return row.number
  }

  /** By number. Where reports are sent again hundreds are known: one question for all. */
  private async seriesOf(rows: readonly (UsageRecordRow | undefined)[]): Promise<ReadonlyMap<number, UsageSeriesRow>> {
    const numbers = [...new Set(rows.flatMap((row) => (row ? [row.series] : [])))]
    if (numbers.length === 0) return new Map()
    const found = await this.readModel.get(
      usageSeries,
      numbers.map((number) => [number]),
    )
    return new Map(found.flatMap((series) => (series ? [[series.series, series]] : [])))
  }
}

function stateOf(meterId: string, row: UsageRecordRow, known: ReadonlyMap<number, UsageSeriesRow>): State {
  const series = known.get(row.series)
  if (!series) throw new Error(`Record ${row.sequence} belongs to series ${row.series}, which is not there.`)
  const record: UsageRecord = {
    meterId,
    identifier: row.identifier,
    customer: series.customer,
    value: row.value,
    occurredAt: row.occurredAt,
    recordedAt: row.recordedAt,
    payload: row.payload === null ? {} : (JSON.parse(row.payload) as Record<string, string>),
  }
  return row.cancelledAt === null
    ? { status: 'recorded', record }
    : { status: 'cancelled', record, cancelledAt: row.cancelledAt }
}
