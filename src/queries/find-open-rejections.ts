/** Open rejections in the order they were refused, oldest first: what a bulk retry goes through, call by call. */
import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs'
import { DomainError } from '../domain/errors.js'
import type { RowReader } from '../read-model/read-model.js'
import { LongReadTurns } from './read-turns.js'
import { Reader, type QueryContext } from './reader.js'
import { findRejection, rejectionId, walkRejections, type RejectionFilter } from './rejection-rows.js'

export interface OpenRejections {
  readonly revisions: readonly number[]
  /** Id of the last of them: where the next call goes on; null for none. */
  readonly lastId: string | null
  readonly hasMore: boolean
}

export class FindOpenRejections extends Query<OpenRejections> {
  constructor(
    readonly context: QueryContext,
    readonly filter: Omit<RejectionFilter, 'status'>,
    /** Id of the last one of the call before; null: from the oldest. */
    readonly startingAfter: string | null,
    readonly limit: number,
  ) {
    super()
  }
}

@QueryHandler(FindOpenRejections)
export class FindOpenRejectionsHandler implements IQueryHandler<FindOpenRejections> {
  constructor(
    private readonly reader: Reader,
    private readonly turns: LongReadTurns,
  ) {}

  /** @throws DomainError for an unknown meter or cursor, or a filter that finds too little in too much; Overloaded. */
  async execute({ context, filter, startingAfter, limit }: FindOpenRejections): Promise<OpenRejections> {
    const { ledger, signal } = context
    const find = async (rows: RowReader): Promise<number[]> => {
      const last = startingAfter === null ? null : await findRejection(rows, ledger, startingAfter)
      if (startingAfter !== null && !last) {
        throw new DomainError('resource_missing', `No such item: '${startingAfter}'.`, 'starting_after')
      }
      return walkRejections(
        rows,
        ledger,
        { ...filter, status: 'open' },
        { direction: 'oldest-first', after: last?.revision ?? null, limit: limit + 1 },
        signal,
        // Their events may be large, and there may be many.
        ({ revision }) => revision,
      )
    }
    const { result } = await this.reader.read(context, 'usage-rejections', find, this.turns)
    const revisions = result.slice(0, limit)
    const last = revisions.at(-1)
    return { revisions, lastId: last === undefined ? null : rejectionId(last), hasMore: result.length > limit }
  }
}
