/** Changes a meter's display name: the only thing about it that may change. */
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs'
import { Inject } from '@nestjs/common'
import type { LedgerName } from '../domain/ledger.js'
import { ReadYourWrites } from '../event-store/read-your-writes.js'
import type { RequestContext } from '../event-store/transact.js'
import { changedMeter, type ChangedMeter } from './changed-meter.js'
import { CLOCK, type Clock } from './environment.js'
import { MeterCatalogues } from './meter-catalogues.js'

export class RenameMeter extends Command<ChangedMeter> {
  constructor(
    readonly ledger: LedgerName,
    readonly meterId: string,
    readonly displayName: string,
    readonly context: RequestContext,
  ) {
    super()
  }
}

@CommandHandler(RenameMeter)
export class RenameMeterHandler implements ICommandHandler<RenameMeter> {
  constructor(
    private readonly catalogues: MeterCatalogues,
    private readonly readYourWrites: ReadYourWrites,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  async execute({ ledger, meterId, displayName, context }: RenameMeter): Promise<ChangedMeter> {
    const command = { type: 'RenameMeter', meterId, displayName, at: this.clock.now() } as const
    const transaction = await this.catalogues.of(ledger).transact(command, context)
    return changedMeter(transaction, meterId, this.readYourWrites)
  }
}
