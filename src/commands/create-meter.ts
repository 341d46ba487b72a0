/** Creates a meter. Its ledger is opened with it: the number of usage partitions is fixed there and then. */
import { Command, CommandHandler, type ICommandHandler } from '@nestjs/cqrs'
import { Inject } from '@nestjs/common'
import { isLive, type LedgerName } from '../domain/ledger.js'
import type { MeterConfiguration } from '../domain/meter-catalogue.js'
import { ReadYourWrites } from '../event-store/read-your-writes.js'
import type { RequestContext } from '../event-store/transact.js'
import { changedMeter, type ChangedMeter } from './changed-meter.js'
import { CLOCK, IDS, type Clock, type Ids } from './environment.js'
import { MeterCatalogues } from './meter-catalogues.js'

const METER_ID_RANDOM_LENGTH = 32

export class CreateMeter extends Command<ChangedMeter> {
  constructor(
    readonly ledger: LedgerName,
    readonly meter: MeterConfiguration,
    readonly context: RequestContext,
  ) {
    super()
  }
}

/** Partitions of a ledger's usage, decided when its first meter is created (design §3.1). */
export const USAGE_PARTITIONS = 8

@CommandHandler(CreateMeter)
export class CreateMeterHandler implements ICommandHandler<CreateMeter> {
  constructor(
    private readonly catalogues: MeterCatalogues,
    private readonly readYourWrites: ReadYourWrites,
    @Inject(CLOCK) private readonly clock: Clock,
    @Inject(IDS) private readonly ids: Ids,
  ) {}

  async execute({ ledger, meter, context }: CreateMeter): Promise<ChangedMeter> {
    const meterId = `mtr_${isLive(ledger) ? '' : 'test_'}${this.ids.random(METER_ID_RANDOM_LENGTH)}`
    const transaction = await this.catalogues.transact(
      ledger,
      { type: 'CreateMeter', meterId, ...meter, usagePartitions: USAGE_PARTITIONS, at: this.clock.now() },
      context,
    )
    // A retried request finds the meter its first one made: the newest as of then.
    const id = transaction.replayOf === null ? meterId : [...transaction.state.meters.keys()].at(-1)
    return changedMeter(transaction, id ?? meterId, this.readYourWrites)
  }
}
