/** What the service says of itself. Times are RFC 3339. */
export interface SystemState {
  readonly version: string
  readonly status: 'ready' | 'not ready'
  /** What stands in the way; null when ready. */
  readonly reason: string | null
  readonly event_store: { readonly type: 'embedded' | 'eventstoredb'; readonly status: 'reachable' | 'unreachable' }
  readonly read_model: { readonly type: 'embedded' | 'postgresql'; readonly role: 'writing' | 'following' }
  readonly projections: 'caught up' | 'catching up' | 'stopped'
  readonly started_at: string
}

export interface Projection {
  readonly id: string
  readonly schema: number
  readonly position: string | null
  /** Usage events up to there. */
  readonly sequence: number
  readonly lag_events: number
  readonly lag_seconds: number
  readonly rebuild: Rebuild | null
}

export interface Rebuild {
  /** Of the request; null of one that a process before this one began. */
  readonly id: string | null
  readonly projections: readonly string[]
  readonly status: 'building' | 'comparing' | 'completed' | 'failed'
  /** Usage events folded so far, and how many there are. */
  readonly sequence: number
  readonly wanted_sequence: number
  /** Compared so far, and how many there are; 0 while that is not known. */
  readonly rows: number
  readonly wanted_rows: number
  readonly elapsed_seconds: number
  readonly difference_count: number
  readonly differences: readonly RowDifference[]
  readonly failure: string | null
  /** Why it cannot go on just now, and is tried again; null while it does. */
  readonly waiting_reason: string | null
}

type Row = Readonly<Record<string, string | number | null>>

export interface RowDifference {
  readonly table: string
  readonly key: Row
  /** What the log gives, and what was stored; null where there is no such row. */
  readonly expected: Row | null
  readonly found: Row | null
  /** Whom the row is about; null: no meter, nobody. */
  readonly meter: string | null
  readonly customer: string | null
}

export interface Audit {
  readonly id: string
  readonly status: 'running' | 'completed' | 'failed'
  /** What it is about; null: everything. */
  readonly meter: string | null
  readonly customer: string | null
  readonly from: string | null
  readonly to: string | null
  readonly started_at: string
  readonly ended_at: string | null
  readonly progress: {
    readonly phase: 'folding' | 'comparing' | 'digesting'
    readonly done: number
    /** Of the phase, from 0 to 1; null where the whole is not known. */
    readonly fraction: number | null
  } | null
  readonly verdict: 'agrees' | 'differs' | 'damaged' | null
  readonly events: number | null
  readonly rows: number | null
  readonly records: number | null
  readonly digest: string | null
  readonly position: string | null
  readonly finding_count: number | null
  /** Differences outside of what it is about. */
  readonly outside_count: number | null
  readonly findings: readonly Finding[] | null
  readonly failure: string | null
}

export type Finding =
  /** `storage`: the rows or the log are not kept as they must be. */
  | { readonly kind: 'log' | 'storage'; readonly message: string }
  | { readonly kind: 'checkpoint'; readonly projection: string; readonly expected: object; readonly found: object }
  | ({ readonly kind: 'row' } & RowDifference)
