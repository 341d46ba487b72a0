/**
 * What one customer used, on every meter: `/meterbook/v1/customers/:customer/usage`, and `/meterbook/v1/customer_usage` for
 * every name. Browsers and many other clients take the names `.` and `..` for steps in a path, however they are escaped.
 */
import { Controller, Get, Param, Req, Res } from '@nestjs/common'
import { QueryBus } from '@nestjs/cqrs'
import type { FastifyReply, FastifyRequest } from 'fastify'
import { GetCustomerUsage } from '../queries/get-customer-usage.js'
import { ApiTags } from './api-decorators.js'
import { Allow } from './caller.js'
import { Describe } from './describe.js'
import { ReadContext, withPosition } from './read-context.js'
import { parseQuery } from './stripe/form.js'
import { Query } from './stripe/parameter-decorators.js'
import { readParameters } from './stripe/parameters.js'
import { fromUnixSeconds } from './stripe/unix-time.js'
import { customerUsageObject, UsageOfCustomer } from './usage-objects.js'
import { CustomerUsageParameters, NamedCustomerUsageParameters } from './usage.parameters.js'

@ApiTags('Answers')
@Controller('meterbook/v1')
@Allow('read')
export class CustomerUsageController {
  constructor(
    private readonly queries: QueryBus,
    private readonly readContext: ReadContext,
  ) {}

  @Get('customers/:customer/usage')
  @Describe({
    id: 'retrieveCustomerUsage',
    summary: 'Usage of a customer on every meter',
    answer: UsageOfCustomer,
  })
  @Query(CustomerUsageParameters)
  usage(
    @Param('customer') customer: string,
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<UsageOfCustomer> {
    return this.answer(customer, readParameters(CustomerUsageParameters, parseQuery(request.url)), request, reply)
  }

  @Get('customer_usage')
  @Describe({
    id: 'retrieveNamedCustomerUsage',
    summary: 'Usage of a customer of any name, also `.` and `..`, on every meter',
    answer: UsageOfCustomer,
  })
  @Query(NamedCustomerUsageParameters)
  usageOfNamed(
    @Req() request: FastifyRequest,
    @Res({ passthrough: true }) reply: FastifyReply,
  ): Promise<UsageOfCustomer> {
    const parameters = readParameters(NamedCustomerUsageParameters, parseQuery(request.url))
    return this.answer(parameters.customer, parameters, request, reply)
  }

  private async answer(
    customer: string,
    parameters: CustomerUsageParameters,
    request: FastifyRequest,
    reply: FastifyReply,
  ): Promise<UsageOfCustomer> {
    const context = this.readContext.of(request, reply)
    const asked = {
      customer,
      start: fromUnixSeconds(parameters.start_time),
      end: fromUnixSeconds(parameters.end_time),
    }
    const answer = await this.queries.execute(new GetCustomerUsage(context, asked, this.readContext.asOf(parameters)))
    return customerUsageObject(context.ledger, asked, withPosition(reply, answer), answer.position)
  }
}
