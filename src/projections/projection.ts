/**
 * A projection turns events into rows. It sees every event of its categories once, in the order of the log, and uses
 * nothing but the events and its rows: the same log gives the same rows, on any store, at any time.
 */
import type { DomainEvent } from '../domain/events.js'
import type { EventMetadata, Position } from '../event-store/event-store.js'
import type { RowWriter } from '../read-model/read-model.js'
import type { ProjectionTables } from '../read-model/tables.js'

export interface ProjectedEvent {
  readonly stream: string
  readonly revision: number
  readonly position: Position
  /** Usage events up to and including this one. For a usage event, its own place among them. */
  readonly sequence: number
  readonly event: DomainEvent
  readonly metadata: EventMetadata
}

export interface Projection extends ProjectionTables {
  /**
   * Folds a batch into the rows. What a row becomes must not depend on where batches are cut.
   *
   * @throws ProjectionStopped where the log holds what cannot be.
   */
  apply(events: readonly ProjectedEvent[], rows: RowWriter): Promise<void>
  /** The last batch was not committed: what is remembered of rows since then is wrong. */
  forget?(): void
}

/** Something only a later look at the log can explain; it was left out of the rows and is worth a line in the log. */
export interface Anomaly {
  readonly message: string
  readonly stream: string
  readonly revision: number
}

/** The log contradicts itself: projecting stops rather than guess. */
export class ProjectionStopped extends Error {
  override readonly name = 'ProjectionStopped'
}
