/** The digest of a ledger's usage records, of a meter's or a customer's, now or after an earlier usage event. */
import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs'
import type { AsOfRequest } from '../queries/as-of.js'
import { ReadTurns } from '../queries/read-turns.js'
import { Reader, requireMeter, type Answer, type QueryContext } from '../queries/reader.js'
import type { RowReader } from '../read-model/read-model.js'
import { digestUsage, type Digest, type DigestSelection } from './digest.js'

/** Digests computed at once: each reads every record it is about. */
export const DIGESTS_MAX = 2

export interface DigestAnswer extends Digest {
  /** Usage events up to the digest's state. */
  readonly sequence: number
}

export class GetDigest extends Query<Answer<DigestAnswer>> {
  constructor(
    readonly context: QueryContext,
    readonly selection: Omit<DigestSelection, 'ledger'>,
    /** A moment of the past; null: after the selection's usage event, if it names one. */
    readonly asOf: AsOfRequest | null,
  ) {
    super()
  }
}

/** None waits: a digest may take long, so whoever finds no place is told to come later. */
class DigestTurns extends ReadTurns {
  constructor() {
    super({
      atOnceMax: DIGESTS_MAX,
      waitingOfLedgerMax: 0,
      refusal: `${DIGESTS_MAX} digests are being computed. Please try again when one is done.`,
    })
  }
}

@QueryHandler(GetDigest)
export class GetDigestHandler implements IQueryHandler<GetDigest> {
  private readonly turns = new DigestTurns()

  constructor(private readonly reader: Reader) {}

  /** @throws DomainError for an unknown meter or a usage event that is not there yet; Overloaded. */
  async execute({ context, selection, asOf }: GetDigest): Promise<Answer<DigestAnswer>> {
    const { ledger, signal } = context
    const { sequence: wanted } = selection
    const moment = asOf ?? (wanted === null ? null : ({ type: 'sequence', sequence: wanted } as const))
    const then = await this.reader.momentOf(context, moment)
    const read = async (rows: RowReader): Promise<DigestAnswer> => {
      if (selection.meterId !== null) await requireMeter(rows, ledger, selection.meterId, 'meter')
      const sequence = then?.sequence ?? (await rows.checkpoint('usage-index')).sequence
      return { ...(await digestUsage(rows, { ledger, ...selection, sequence }, { signal })), sequence }
    }
    return this.reader.readAsOf(context, 'usage-index', then, read, this.turns)
  }
}
