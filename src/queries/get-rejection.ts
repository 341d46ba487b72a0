/** One refused meter event of a ledger. */
import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs'
import { DomainError } from '../domain/errors.js'
import { Reader, type Answer, type QueryContext } from './reader.js'
import { findRejection, viewRejection, type RejectionView } from './rejection-rows.js'

export class GetRejection extends Query<Answer<RejectionView>> {
  constructor(
    readonly context: QueryContext,
    readonly id: string,
  ) {
    super()
  }
}

@QueryHandler(GetRejection)
export class GetRejectionHandler implements IQueryHandler<GetRejection> {
  constructor(private readonly reader: Reader) {}

  /** @throws DomainError `resource_missing`. */
  async execute({ context, id }: GetRejection): Promise<Answer<RejectionView>> {
    return this.reader.read(context, 'usage-rejections', async (rows) => {
      const row = await findRejection(rows, context.ledger, id)
      if (!row) throw new DomainError('resource_missing', `No such rejection: '${id}'.`, 'id')
      return viewRejection(row)
    })
  }
}
