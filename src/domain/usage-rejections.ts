/**
 * What asynchronous ingestion could not count, kept with its reason and its payload: nothing that was reported is lost.
 *
 * A rejection is known by its revision in `rejections-<ledger>`. It is resolved by a retry that counted its event, or found
 * it counted already. Nothing is decided from rejections, so each event stands alone and the stream may grow.
 */
import type { ErrorCode } from './errors.js'

export interface UsageRejected {
  /** As far as it could be read; null otherwise. */
  readonly eventName: string | null
  /** The meter that refused it; null where none was found. */
  readonly meterId: string | null
  /** The one sent, else one made at receipt, so that every retry is of the same record. */
  readonly identifier: string
  readonly code: ErrorCode
  readonly message: string
  /** JSON exactly as it was sent, whatever its shape: that may be what was wrong with it. */
  readonly event: string
  /** Its place in its request, from 0. */
  readonly index: number
  readonly receivedAt: number
}

export type Event =
  | { readonly type: 'UsageRejected'; readonly data: UsageRejected }
  | {
      readonly type: 'UsageRejectionResolved'
      readonly data: {
        /** Revision of the rejection in its stream. */
        readonly rejection: number
        readonly meterId: string
        readonly identifier: string
        readonly at: number
      }
    }
