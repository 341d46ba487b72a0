/** One meter of a ledger. */
import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs'
import type { Meter } from '../domain/meter-catalogue.js'
import { toMeter } from '../projections/meters.js'
import { Reader, requireMeter, type Answer, type QueryContext } from './reader.js'

export class GetMeter extends Query<Answer<Meter>> {
  constructor(
    readonly context: QueryContext,
    readonly meterId: string,
  ) {
    super()
  }
}

@QueryHandler(GetMeter)
export class GetMeterHandler implements IQueryHandler<GetMeter> {
  constructor(private readonly reader: Reader) {}

  /** @throws DomainError `resource_missing`. */
  async execute({ context, meterId }: GetMeter): Promise<Answer<Meter>> {
    return this.reader.read(context, 'meters', async (rows) =>
      toMeter(await requireMeter(rows, context.ledger, meterId)),
    )
  }
}
