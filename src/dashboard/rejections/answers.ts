/** Rejections as the service tells them. Times are RFC 3339. */
export interface Rejection {
  readonly id: string
  readonly code: string
  readonly message: string
  readonly identifier: string
  readonly event_name: string | null
  /** The meter that refused it; null where none was found. */
  readonly meter: string | null
  /** As it was sent: any JSON. */
  readonly event: unknown
  readonly received_at: string
  readonly resolved_at: string | null
  readonly status: 'open' | 'resolved'
}

interface Counts {
  readonly error_count: number
  readonly open_count: number
  readonly resolved_count: number
}

export interface RejectionCounts extends Counts {
  /** The most frequent first. */
  readonly codes: readonly ({ readonly code: string } & Counts)[]
}

export interface RetryOutcome {
  readonly counted: number
  readonly duplicates: number
  readonly still_rejected: number
  readonly has_more: boolean
  /** Id of the last one: where the next call goes on. */
  readonly last: string | null
}
