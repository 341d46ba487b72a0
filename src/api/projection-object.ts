/** `meterbook.projection`: how far a read model is, and the rebuild that runs or was the last. */
import type { LedgerName } from '../domain/ledger.js'
import type { ProjectionState } from '../replay/projection-states.js'
import { position as positionField } from './answer-fields.js'
import { failureFor } from './other-ledger.js'
import { rebuildObject } from './rebuild-object.js'
import { differenceFields } from './row-difference.js'
import {
  choice,
  decimal,
  integer,
  listOf,
  namedObject,
  nullable,
  object,
  only,
  text,
  type TypeOf,
} from './stripe/answer-schemas.js'
import { namedList } from './stripe/list.js'

export const Projection = namedObject('Projection', {
  id: text('Its name.'),
  object: only('meterbook.projection'),
  lag_events: integer(
    'Events of the log that are not in the rows; at most 10 000 are counted, and what the log gives in a second.',
  ),
  lag_seconds: decimal('How long ago the first of them happened; 0 where there is none.'),
  position: positionField,
  rebuild: nullable(
    object(
      {
        difference_count: integer(),
        differences: listOf(object(differenceFields), 'The first of them, of this ledger or of none.'),
        elapsed_seconds: decimal(),
        failure: nullable(text()),
        id: nullable(text('Of the request; null of one that a process before this one began.')),
        projections: listOf(text()),
        rows: integer('Compared so far.'),
        sequence: integer('Usage events folded so far.'),
        status: choice(['building', 'comparing', 'completed', 'failed']),
        waiting_reason: nullable(text('Why it cannot go on just now, and is tried again; null while it does.')),
        wanted_rows: integer('How many rows there are to compare; 0 while that is not known.'),
        wanted_sequence: integer('How many usage events there are.'),
      },
      'null before the first since the start.',
    ),
  ),
  schema: integer('Number of the shape of its tables.'),
  sequence: integer('Usage events up to there.'),
})
export type Projection = TypeOf<typeof Projection>

export const ProjectionList = namedList('ProjectionList', Projection)
export type ProjectionList = TypeOf<typeof ProjectionList>

export function projectionObject(
  { name, schema, position, sequence, lagEvents, lagMs, rebuild }: ProjectionState,
  ledger: LedgerName,
): Projection {
  const shown = rebuild && rebuildObject(rebuild)
  return {
    id: name,
    object: 'meterbook.projection',
    lag_events: lagEvents,
    lag_seconds: lagMs / 1000,
    position,
    rebuild: shown && {
      ...shown,
      failure: failureFor(ledger, shown.failure),
      waiting_reason: failureFor(ledger, shown.waiting_reason),
    },
    schema,
    sequence,
  }
}
