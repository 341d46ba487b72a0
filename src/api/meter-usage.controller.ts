/** `/meterbook/v1/meters/:id/usage` and `/customers`: usage of a meter across its customers, which Stripe has no endpoint for. */
import { Controller, Get, Param, Req, Res, StreamableFile } from '@nestjs/common'
import { QueryBus } from '@nestjs/cqrs'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { Readable } from 'node:stream'
import type { AsOfRequest } from '../queries/as-of.js'
import { GetMeterUsage, type MeterUsageRequest } from '../queries/get-meter-usage.js'
import {
  GetUsageByCustomer,
  type CustomerOrder,
  type UsageByCustomer as CustomerPage,
  type UsageByCustomerRequest,
} from '../queries/get-usage-by-customer.js'
import type { Answer, QueryContext } from '../queries/reader.js'
import { ApiTags } from './api-decorators.js'
import { Allow } from './caller.js'
import { Describe } from './describe.js'
import { ReadContext, withPosition } from './read-context.js'
import { ApiError } from './stripe/api-error.js'
import { parseQuery } from './stripe/form.js'
import { Query } from './stripe/parameter-decorators.js'
import { readParameters } from './stripe/parameters.js'
import { formatTimestamp } from './stripe/timestamp.js'
import { fromUnixSeconds } from './stripe/unix-time.js'
import { BYTE_ORDER_MARK, CSV_HEADER, csvLine } from './usage-csv.js'
import { MeterUsage, meterUsageObject, UsageByCustomer, usageByCustomerObject } from './usage-objects.js'
import { MeterUsageParameters, PAGE_CUSTOMERS_MAX, UsageByCustomerParameters } from './usage.parameters.js'

const CSV = 'text/csv'

@ApiTags('Answers')
@Controller('meterbook/v1/meters')
@Allow('read')
export class MeterUsageController {
  constructor(
    private readonly queries: QueryBus,
    private readonly readContext: ReadContext,
  ) {}

  @Get(':id/usage')
  @Describe({ id: 'retrieveMeterUsage', summary: 'Usage of all customers by hour or day', answer: MeterUsage })
  @Query(MeterUsageParameters)
  async usage(
    @Param('id') id: string,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<MeterUsage> {
    const parameters = readParameters(MeterUsageParameters, parseQuery(request.url))
    const context = this.readContext.of(request, reply)
    const asked: MeterUsageRequest = {
      meterId: id,
      customer: parameters.customer ?? null,
      start: fromUnixSeconds(parameters.start_time),
      end: fromUnixSeconds(parameters.end_time),
      window: parameters.value_grouping_window as 'hour' | 'day',
      filters: parameters.dimension_filters ?? {},
      groupBy: parameters.dimension_group_by_keys ?? [],
    }
    const query = new GetMeterUsage(context, asked, this.readContext.asOf(parameters))
    const answer = await this.queries.execute(query)
    return meterUsageObject(context.ledger, asked, withPosition(reply, answer), answer.position)
  }

  @Get(':id/customers')
  @Describe({
    id: 'listUsageByCustomer',
    summary: 'Usage by customer, as a list or as CSV',
    answer: UsageByCustomer,
    texts: { [CSV]: 'All customers by name, as a file: a header line, then `customer,value,records`.' },
  })
  @Query(UsageByCustomerParameters)
  async customers(
    @Param('id') id: string,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<UsageByCustomer | StreamableFile> {
    const parameters = readParameters(UsageByCustomerParameters, parseQuery(request.url))
    const context = this.readContext.of(request, reply)
    const isCsv = parameters.format === undefined ? prefersCsv(request) : parameters.format === 'csv'
    const asked: UsageByCustomerRequest = {
      meterId: id,
      start: fromUnixSeconds(parameters.start_time),
      end: fromUnixSeconds(parameters.end_time),
      filters: parameters.dimension_filters ?? {},
      order: (parameters.order ?? (isCsv ? 'customer' : '-value')) as CustomerOrder,
      search: parameters.search ?? null,
    }
    const asOf = this.readContext.asOf(parameters)
    if (isCsv) {
      refuseInCsv(parameters)
      return this.csv(reply, context, asked, asOf, parameters.byte_order_mark === 'true')
    }
    if (parameters.byte_order_mark !== undefined) {
      const message = 'Only a CSV begins with a byte order mark. Ask for one with format=csv.'
      throw ApiError.invalidRequest(message, 'parameter_invalid', 'byte_order_mark')
    }
    const page = { limit: parameters.limit, startingAfter: parameters.starting_after ?? null }
    const answer = await this.queries.execute(new GetUsageByCustomer(context, asked, page, asOf))
    return usageByCustomerObject(context.ledger, asked, withPosition(reply, answer), answer.position)
  }

  /**
   * Page by page, all at the position of the first, so that neither the customers have to fit into memory nor rows are held
   * back for a client that reads slowly. What is refused is refused before the first line.
   *
   * It is gone through twice, because its length is told first: a proxy may end what was cut off as if that were all, and
   * only by its length is it known then.
   */
  private async csv(
    reply: FastifyReply,
    context: QueryContext,
    asked: UsageByCustomerRequest,
    asOf: AsOfRequest | null,
    isMarked: boolean,
  ): Promise<StreamableFile> {
    const read = (startingAfter: string | null, at: AsOfRequest | null): Promise<Answer<CustomerPage>> =>
      this.queries.execute(new GetUsageByCustomer(context, asked, { limit: PAGE_CUSTOMERS_MAX, startingAfter }, at))
    const first = await read(null, asOf)
    withPosition(reply, first)
    const pinned: AsOfRequest | null = first.position === null ? asOf : { type: 'position', position: first.position }
    async function* pages(): AsyncGenerator<string> {
      yield isMarked ? BYTE_ORDER_MARK + CSV_HEADER : CSV_HEADER
      let page = first.result
      for (;;) {
        yield page.items.map(csvLine).join('')
        const last = page.items.at(-1)
        if (!page.hasMore || !last) return
        page = (await read(last.customer, pinned)).result
      }
    }
    const length = await bytesOf(pages())
    reply.header('content-disposition', `attachment; filename="${fileName(asked, asOf)}"`)
    return new StreamableFile(Readable.from(ofBytes(length, pages()), { objectMode: false }), {
      type: `${CSV}; charset=utf-8; header=present`,
      length,
    })
  }
}

async function bytesOf(texts: AsyncIterable<string>): Promise<number> {
  let bytes = 0
  for await (const text of texts) bytes += Buffer.byteLength(text)
  return bytes
}

/** @throws where they are more or fewer bytes: whatever was promised to be whole is cut off then. */
async function* ofBytes(length: number, texts: AsyncIterable<string>): AsyncGenerator<string> {
  let left = length
  for await (const text of texts) {
    left -= Buffer.byteLength(text)
    if (left < 0) break
    yield text
  }
  if (left !== 0) throw new Error(`A file of ${length} bytes came out otherwise when it was read again.`)
}

/** A browser that follows a link takes anything; only who asks for CSV by name gets it unasked. */
function prefersCsv({ headers: { accept = '' } }: FastifyRequest): boolean {
  return /^\s*text\/csv\b/i.test(accept)
}

/** @throws ApiError for what belongs to a list of pages. */
function refuseInCsv({ order, starting_after }: UsageByCustomerParameters): void {
  const refuse = (param: string): never => {
    throw ApiError.invalidRequest('A CSV has all customers, in the order of their names.', 'parameter_invalid', param)
  }
  if (order === '-value') refuse('order')
  if (starting_after !== undefined) refuse('starting_after')
}

/** A file of an earlier moment is not taken for one of another. */
function fileName({ meterId, start, end }: UsageByCustomerRequest, asOf: AsOfRequest | null): string {
  const plain = (text: string): string => text.replaceAll(/[^\w]/g, '_')
  const day = (instant: number): string => formatTimestamp(instant).slice(0, 10)
  return `usage-${plain(meterId)}-${day(start)}-${day(end)}${asOf ? `-as_of_${plain(momentOf(asOf))}` : ''}.csv`
}

function momentOf(asOf: AsOfRequest): string {
  if (asOf.type === 'instant') return formatTimestamp(asOf.at).replace(/\.\d+/, '')
  return asOf.type === 'position' ? asOf.position : String(asOf.sequence)
}
