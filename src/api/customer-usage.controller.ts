/** `/meterbook/v1/customers/:customer/usage`: what one customer used, on every meter. */
import { Controller, Get, Param, Req, Res } from '@nestjs/common'
import { QueryBus } from '@nestjs/cqrs'
import { ApiOperation, ApiTags } from '@nestjs/swagger'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { GetCustomerUsage } from '../queries/get-customer-usage.js'
import { Allow } from './caller.js'
import { goneSignal } from './gone-signal.js'
import { ReadContext, withPosition } from './read-context.js'
import { parseQuery } from './stripe/form.js'
import { Query } from './stripe/parameter-decorators.js'
import { readParameters } from './stripe/parameters.js'
import { fromUnixSeconds } from './stripe/unix-time.js'
import { customerUsageObject } from './usage-objects.js'
import { CustomerUsageParameters } from './usage.parameters.js'

@ApiTags('Answers')
@Controller('meterbook/v1/customers')
@Allow('read')
export class CustomerUsageController {
  constructor(
    private readonly queries: QueryBus,
    private readonly readContext: ReadContext,
  ) {}

  @Get(':customer/usage')
  @ApiOperation({ summary: 'Usage of a customer on every meter' })
  @Query(CustomerUsageParameters)
  async usage(
    @Param('customer') customer: string,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<object> {
    const parameters = readParameters(CustomerUsageParameters, parseQuery(request.url))
    const context = this.readContext.of(request)
    const asked = {
      customer,
      start: fromUnixSeconds(parameters.start_time),
      end: fromUnixSeconds(parameters.end_time),
    }
    const answer = await this.queries.execute(
      new GetCustomerUsage(context, asked, this.readContext.asOf(parameters), goneSignal(reply)),
    )
    return customerUsageObject(context.ledger, asked, withPosition(reply, answer), answer.position)
  }
}
