/** Refused meter events of a ledger, newest first. */
import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs'
import { toPage, unknownCursor, type Page, type PageRequest } from './page.js'
import { LongReadTurns } from './read-turns.js'
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
    /** Ends the work for nobody. */
    readonly signal = new AbortController().signal,
  ) {
    super()
  }
}

@QueryHandler(ListRejections)
export class ListRejectionsHandler implements IQueryHandler<ListRejections> {
  constructor(
    private readonly reader: Reader,
    private readonly turns: LongReadTurns,
  ) {}

  /** @throws DomainError for an unknown meter or cursor, or a filter that finds too little in too much; Overloaded. */
  async execute(query: ListRejections): Promise<Answer<Page<RejectionView>>> {
    const { context, filter, signal } = query
    return mayPassOver(filter) ? this.turns.take(context.ledger, signal, () => this.list(query)) : this.list(query)
  }

  private list({ context, filter, page, signal }: ListRejections): Promise<Answer<Page<RejectionView>>> {
    return this.reader.read(context, 'usage-rejections', async (rows) => {
      const cursor = page.startingAfter ?? page.endingBefore
      const before = cursor === null ? null : await findRejection(rows, context.ledger, cursor)
      if (cursor !== null && !before) return unknownCursor(page)
      const direction = page.endingBefore === null ? 'newest-first' : 'oldest-first'
      const walk = { direction, after: before?.revision ?? null, limit: page.limit + 1 } as const
      const found = await walkRejections(rows, context.ledger, filter, walk, signal)
      return toPage(page, found.map(viewRejection))
    })
  }
}
