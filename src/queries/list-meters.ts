/** The meters of a ledger, newest first. */
import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs'
import type { Meter } from '../domain/meter-catalogue.js'
import { toMeter } from '../projections/meters.js'
import type { RowReader } from '../read-model/read-model.js'
import { meters } from '../read-model/tables.js'
import { toPage, unknownCursor, type Page, type PageRequest } from './page.js'
import { Reader, type Answer, type QueryContext } from './reader.js'

export class ListMeters extends Query<Answer<Page<Meter>>> {
  constructor(
    readonly context: QueryContext,
    readonly status: Meter['status'] | null,
    readonly page: PageRequest,
  ) {
    super()
  }
}

@QueryHandler(ListMeters)
export class ListMetersHandler implements IQueryHandler<ListMeters> {
  constructor(private readonly reader: Reader) {}

  /** @throws DomainError `resource_missing` for a cursor that is no meter of this ledger. */
  async execute({ context, status, page }: ListMeters): Promise<Answer<Page<Meter>>> {
    return this.reader.read(context, 'meters', async (rows) => {
      const forwards = page.endingBefore === null
      const cursor = await cursorNumber(rows, context.ledger, page)
      const found = await rows.range(meters, {
        index: 'ledger',
        prefix: [context.ledger],
        ...(cursor === null ? {} : forwards ? { to: cursor } : { from: cursor + 1 }),
        ...(status === null ? {} : { where: { status } }),
        reverse: forwards,
        limit: page.limit + 1,
      })
      return toPage(page, found.map(toMeter))
    })
  }
}

async function cursorNumber(rows: RowReader, ledger: string, page: PageRequest): Promise<number | null> {
  const id = page.startingAfter ?? page.endingBefore
  if (id === null) return null
  const [row] = await rows.get(meters, [[id]], 'meterId')
  return row?.ledger === ledger ? row.number : unknownCursor(page)
}
