/** How each projection stands: how far behind the log it is, and whether it is being built anew. */
import { Inject } from '@nestjs/common'
import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs'
import { setTimeout as delay } from 'node:timers/promises'
import { DomainError } from '../domain/errors.js'
import type { LedgerName } from '../domain/ledger.js'
import { EVENT_STORE, type EventStore, type Position, type RecordedEvent } from '../event-store/event-store.js'
import { categories } from '../event-store/streams.js'
import type { Row, RowDifference } from '../projections/compare-rows.js'
import { allProjections } from '../projections/projections.js'
import { CHECKPOINTS, type RebuildRequest, type RebuildState } from '../projections/rebuilding.js'
import { READ_MODEL, type Checkpoint, type ReadModel } from '../read-model/read-model.js'
import { projectionNames } from './projection-names.js'
import { scopeOf } from './row-scope.js'

/** The one who projects, and can be told to build projections anew. */
export interface Rebuilds {
  readonly rebuilds: {
    /** Of whomever; null where none runs or waits. */
    readonly running: RebuildState | null
    /** The last one since the start that came to its end; null before the first. */
    readonly completed: RebuildState | null
    /** What is told of the rebuilds of a projection; null where there is nothing. */
    of(projection: string): RebuildState | null
  }
  /** How it stands; null while another one runs, and then nothing was begun. */
  beginRebuild(request: RebuildRequest): RebuildState | null
}

export const REBUILDS = Symbol('Rebuilds')

/** Events that are counted for a lag; beyond it, it is at least so much. */
export const LAG_EVENTS_MAX = 10_000
/** How long events are counted; of a log that is slow to give the first of them, until then. */
export const LAG_COUNTING_MS = 1_000

export interface ProjectionState {
  readonly name: string
  readonly schema: number
  readonly position: string | null
  /** Usage events up to there. */
  readonly sequence: number
  /** Events of the log that are not in the rows; at most `LAG_EVENTS_MAX`, and what the log gives in `LAG_COUNTING_MS`. */
  readonly lagEvents: number
  /** How long ago the first of them happened; 0 where there is none. */
  readonly lagMs: number
  /** The differences are those of the asking ledger, and those of none. */
  readonly rebuild: OwnedRebuild | null
}

interface Lag {
  readonly lagEvents: number
  /** When the first of them happened; null where there is none. */
  readonly firstAt: number | null
}

export interface OwnedRebuild extends RebuildState {
  readonly differences: readonly OwnedDifference[]
}

export interface OwnedDifference extends RowDifference {
  /** null where it is about none. */
  readonly meterId: string | null
  readonly customer: string | null
}

/** @throws DomainError */
export function requireProjection(name: string): void {
  if (projectionNames.includes(name)) return
  throw new DomainError(
    'resource_missing',
    `No such projection: '${name}'. There are ${projectionNames.join(', ')}.`,
    'name',
  )
}

export class ListProjections extends Query<ProjectionState[]> {
  constructor(
    readonly ledger: LedgerName,
    /** Milliseconds since the epoch. */
    readonly now: number,
  ) {
    super()
  }
}

@QueryHandler(ListProjections)
export class ListProjectionsHandler implements IQueryHandler<ListProjections> {
  /** By the position behind which events are counted just now: many may ask while rows are behind, and one count is enough. */
  private readonly counts = new Map<string | null, Promise<Lag>>()

  constructor(
    @Inject(READ_MODEL) private readonly readModel: ReadModel,
    @Inject(EVENT_STORE) private readonly store: EventStore,
    @Inject(REBUILDS) private readonly rebuilds: Rebuilds,
  ) {}

  async execute({ ledger, now }: ListProjections): Promise<ProjectionState[]> {
    const projections = allProjections(() => undefined)
    const checkpoints = await this.readModel.snapshot((rows) =>
      Promise.all(projections.map(({ projection }) => rows.checkpoint(projection))),
    )
    const owned = new Map<RebuildState, Promise<OwnedRebuild>>()
    const lags = new Map<string | null, Lag>()
    const states: ProjectionState[] = []
    for (const [index, { projection: name, schema }] of projections.entries()) {
      const { position, sequence } = checkpoints[index] as Checkpoint
      const { lagEvents, firstAt } = lags.get(position) ?? (await this.lagBehind(position as Position | null))
      lags.set(position, { lagEvents, firstAt })
      const lagMs = firstAt === null ? 0 : Math.max(0, now - firstAt)
      const rebuild = this.rebuilds.rebuilds.of(name)
      if (rebuild && !owned.has(rebuild)) owned.set(rebuild, this.ownedBy(ledger, rebuild))
      const shown = rebuild && ((await owned.get(rebuild)) as OwnedRebuild)
      states.push({ name, schema, position, sequence, lagEvents, lagMs, rebuild: shown })
    }
    return states
  }

  private lagBehind(after: Position | null): Promise<Lag> {
    const counted = this.counts.get(after) ?? this.count(after).finally(() => this.counts.delete(after))
    this.counts.set(after, counted)
    return counted
  }

  private async count(after: Position | null): Promise<Lag> {
    const pages = this.store.readAll({ after, categories: Object.values(categories) })[Symbol.asyncIterator]()
    const over = new AbortController()
    const late = delay(LAG_COUNTING_MS, null, { signal: over.signal }).catch(() => null)
    let lagEvents = 0
    let firstAt: number | null = null
    try {
      while (lagEvents < LAG_EVENTS_MAX) {
        const next = pages.next()
        // Nobody waits for it any more where it is late.
        next.catch(() => undefined)
        // Of one that gives nothing at all it is told that it cannot be read.
        const result = lagEvents === 0 ? await next : await Promise.race([next, late])
        if (result === null || result.done === true) break
        firstAt ??= result.value[0] ? instantOf(result.value[0]) : null
        lagEvents += result.value.length
      }
    } finally {
      over.abort()
      // Not waited for: it would wait for the page that is late.
      void pages.return?.()
    }
    return { lagEvents: Math.min(lagEvents, LAG_EVENTS_MAX), firstAt }
  }

  private async ownedBy(ledger: LedgerName, rebuild: RebuildState): Promise<OwnedRebuild> {
    const differences: OwnedDifference[] = []
    for (const difference of rebuild.differences) {
      const row = (difference.expected ?? difference.found) as Row
      const { ledger: owner, meterId, customer } = await scopeOf(row, this.readModel)
      // Checkpoints and damaged parts of a table are of all.
      const isOfAll = difference.table === CHECKPOINTS || row.damage !== undefined
      if (isOfAll || owner === ledger) differences.push({ ...difference, meterId, customer })
    }
    return { ...rebuild, differences }
  }
}

/** When an event was taken: each has exactly one of these. */
function instantOf({ data }: RecordedEvent): number | null {
  for (const key of ['cancelledAt', 'recordedAt', 'createdAt', 'receivedAt', 'issuedAt', 'revokedAt', 'at']) {
    const instant = data[key]
    if (typeof instant === 'number') return instant
  }
  return null
}
