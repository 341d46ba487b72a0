/** Refused meter events of a ledger, newest first. */
import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs'
import type { RowReader } from '../read-model/read-model.js'
import { toPage, unknownCursor, type Page, type PageRequest } from './page.js'
import { LongPageTurns, LongReadTurns, SHORT_PAGE_ITEMS_MAX } from './read-turns.js'
import { Reader, type Answer, type QueryContext } from './reader.js'
import {
  findRejection,
  mayPassOver,
  viewRejection,
  walkRejections,
  type RejectionFilter,
  type RejectionView,
} from './rejection-rows.js'

export class ListRejections extends Query<Answer<Page<RejectionView>>> {
  constructor(
    readonly context: QueryContext,
    readonly filter: RejectionFilter,
    readonly page: PageRequest,
  ) {
    super()
  }
}

@QueryHandler(ListRejections)
export class ListRejectionsHandler implements IQueryHandler<ListRejections> {
  constructor(
    private readonly reader: Reader,
    private readonly turns: LongReadTurns,
    private readonly pageTurns: LongPageTurns,
  ) {}

  /** @throws DomainError for an unknown meter or cursor, or a filter that finds too little in too much; Overloaded. */
  async execute({ context, filter, page }: ListRejections): Promise<Answer<Page<RejectionView>>> {
    const { ledger, signal } = context
    const list = async (rows: RowReader): Promise<Page<RejectionView>> => {
      const cursor = page.startingAfter ?? page.endingBefore
      const before = cursor === null ? null : await findRejection(rows, ledger, cursor)
      if (cursor !== null && !before) return unknownCursor(page)
      const direction = page.endingBefore === null ? 'newest-first' : 'oldest-first'
      const walk = { direction, after: before?.revision ?? null, limit: page.limit + 1 } as const
      return toPage(page, await walkRejections(rows, ledger, filter, walk, signal, viewRejection))
    }
    const pageTurns = page.limit > SHORT_PAGE_ITEMS_MAX ? this.pageTurns : null
    return this.reader.read(context, 'usage-rejections', list, mayPassOver(filter) ? this.turns : pageTurns)
  }
}
