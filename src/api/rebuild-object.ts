/** A rebuild as the API and `meterbook rebuild --json` show it. */
import type { OwnedDifference, OwnedRebuild } from '../replay/projection-states.js'

export interface RebuildObject {
  readonly difference_count: number
  readonly differences: (Omit<OwnedDifference, 'meterId'> & { readonly meter: string | null })[]
  readonly elapsed_seconds: number
  readonly failure: string | null
  readonly id: string | null
  readonly projections: string[]
  readonly rows: number
  readonly sequence: number
  readonly status: OwnedRebuild['status']
  readonly waiting_reason: string | null
  readonly wanted_rows: number
  readonly wanted_sequence: number
}

export function rebuildObject(rebuild: OwnedRebuild): RebuildObject {
  return {
    difference_count: rebuild.differenceCount,
    differences: rebuild.differences.map(({ meterId, ...difference }) => ({ ...difference, meter: meterId })),
    elapsed_seconds: rebuild.elapsedMs / 1000,
    failure: rebuild.failure,
    id: rebuild.id ?? null,
    projections: [...rebuild.projections],
    rows: rebuild.rows,
    sequence: rebuild.sequence,
    status: rebuild.status,
    // A service of the version before may have told of it in shared rows.
    waiting_reason: rebuild.waitingReason ?? null,
    wanted_rows: rebuild.wantedRows,
    wanted_sequence: rebuild.wantedSequence,
  }
}
