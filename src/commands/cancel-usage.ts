/**
 * Cancels one usage record by (event name, identifier), also on an inactive meter. Where several meters had the event name
 * one after the other, it is the one that holds the identifier: the active one is asked first, then the newest.
 */
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs'
import { Inject } from '@nestjs/common'
import { DomainError } from '../domain/errors.js'
import type { LedgerName } from '../domain/ledger.js'
import { metersNamed } from '../domain/meter-catalogue.js'
import type { RequestContext } from '../event-store/transact.js'
import { CLOCK, type Clock } from './environment.js'
import { MeterCatalogues } from './meter-catalogues.js'
import { UsageLedger } from './usage-ledger.js'
import type { UsageOutcome } from './usage-partition-writer.js'

export class CancelUsage extends Command<UsageOutcome> {
  constructor(
    readonly ledger: LedgerName,
    readonly eventName: string,
    readonly identifier: string,
    readonly context: RequestContext,
  ) {
    super()
  }
}

@CommandHandler(CancelUsage)
export class CancelUsageHandler implements ICommandHandler<CancelUsage> {
  constructor(
    private readonly catalogues: MeterCatalogues,
    private readonly usage: UsageLedger,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  async execute(adjustment: CancelUsage): Promise<UsageOutcome> {
    const at = this.clock.now()
    return this.usage.recording(at, () => this.cancel(adjustment, at))
  }

  private async cancel({ ledger, eventName, identifier, context }: CancelUsage, at: number): Promise<UsageOutcome> {
    const state = await this.catalogues.latest(ledger)
    let missing: unknown = new DomainError(
      'resource_missing',
      `No meter event with identifier ${identifier} was recorded for event name ${eventName}.`,
      'cancel[identifier]',
    )
    for (const meter of metersNamed(state, eventName)) {
      const command = { type: 'CancelUsage', identifier, eventName, at } as const
      try {
        return await this.usage.submit(ledger, state.usagePartitions ?? 1, meter, identifier, command, context)
      } catch (error) {
        if (!(error instanceof DomainError && error.code === 'resource_missing')) throw error
        missing = error
      }
    }
    throw missing
  }
}
