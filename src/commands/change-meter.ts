/** Renames a meter, takes it out of use, or puts it back if its event name has not been taken meanwhile. */
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs'
import { Inject } from '@nestjs/common'
import type { LedgerName } from '../domain/ledger.js'
import { ReadYourWrites } from '../event-store/read-your-writes.js'
import type { RequestContext } from '../event-store/transact.js'
import { changedMeter, type ChangedMeter } from './changed-meter.js'
import { CLOCK, type Clock } from './environment.js'
import { MeterCatalogues } from './meter-catalogues.js'

export type MeterChange =
  | { readonly type: 'RenameMeter'; readonly displayName: string }
  | { readonly type: 'DeactivateMeter' }
  | { readonly type: 'ReactivateMeter' }

export class ChangeMeter extends Command<ChangedMeter> {
  constructor(
    readonly ledger: LedgerName,
    readonly meterId: string,
    readonly change: MeterChange,
    readonly context: RequestContext,
  ) {
    super()
  }
}

@CommandHandler(ChangeMeter)
export class ChangeMeterHandler implements ICommandHandler<ChangeMeter> {
  constructor(
    private readonly catalogues: MeterCatalogues,
    private readonly readYourWrites: ReadYourWrites,
    @Inject(CLOCK) private readonly clock: Clock,
  ) {}

  /** @throws DomainError where the rules of meters refuse. */
  async execute({ ledger, meterId, change, context }: ChangeMeter): Promise<ChangedMeter> {
    const command = { ...change, meterId, at: this.clock.now() }
    const transaction = await this.catalogues.transact(ledger, command, context)
    return changedMeter(transaction, meterId, this.readYourWrites)
  }
}
