/** The digest of a ledger's usage records, of a meter's or a customer's, now or after an earlier usage event. */
import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs'
import type { AsOfRequest } from '../queries/as-of.js'
import { Overloaded } from '../overloaded.js'
import { Reader, requireMeter, type Answer, type QueryContext } from '../queries/reader.js'
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
    /** Ends the work for nobody. */
    readonly signal: AbortSignal,
  ) {
    super()
  }
}

@QueryHandler(GetDigest)
export class GetDigestHandler implements IQueryHandler<GetDigest> {
  private running = 0

  constructor(private readonly reader: Reader) {}

  /** @throws DomainError for an unknown meter or a usage event that is not there yet; Overloaded. */
  async execute({ context, selection, asOf, signal }: GetDigest): Promise<Answer<DigestAnswer>> {
    if (this.running >= DIGESTS_MAX) {
      throw new Overloaded(`${DIGESTS_MAX} digests are being computed. Please try again when one is done.`)
    }
    this.running++
    try {
      const { sequence: wanted } = selection
      const moment = asOf ?? (wanted === null ? null : ({ type: 'sequence', sequence: wanted } as const))
      const then = await this.reader.momentOf(context, moment)
      return await this.reader.readAsOf(context, 'usage-index', then, async (rows) => {
        const { ledger } = context
        if (selection.meterId !== null) await requireMeter(rows, ledger, selection.meterId, 'meter')
        const sequence = then?.sequence ?? (await rows.checkpoint('usage-index')).sequence
        return { ...(await digestUsage(rows, { ledger, ...selection, sequence }, { signal })), sequence }
      })
    } finally {
      this.running--
    }
  }
}
