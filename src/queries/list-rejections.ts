/** Refused meter events of a ledger, newest first. */
import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs'
import { toPage, unknownCursor, type Page, type PageRequest } from './page.js'
import { Reader, type Answer, type QueryContext } from './reader.js'
import {
  findRejection,
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
  constructor(private readonly reader: Reader) {}

  /** @throws DomainError for an unknown meter or cursor, or a filter that finds too little in too much. */
  async execute({ context, filter, page }: ListRejections): Promise<Answer<Page<RejectionView>>> {
    return this.reader.read(context, 'usage-rejections', async (rows) => {
      const cursor = page.startingAfter ?? page.endingBefore
      const before = cursor === null ? null : await findRejection(rows, context.ledger, cursor)
      if (cursor !== null && !before) return unknownCursor(page)
      const found = await walkRejections(rows, context.ledger, filter, {
        direction: page.endingBefore === null ? 'newest-first' : 'oldest-first',
        after: before?.revision ?? null,
        limit: page.limit + 1,
      })
      return toPage(page, found.map(viewRejection))
    })
  }
}
