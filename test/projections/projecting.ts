/**
 * Runs the real projector over a real store into a real read model, with the log cut into batches as a test wants, and
 * reads back every row.
 */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EmbeddedEventStore } from '../../src/event-store/embedded-event-store.js'
import type {
  EventStore,
  RecordedEvent,
  SubscribeOptions,
  SubscriptionItem,
} from '../../src/event-store/event-store.js'
import type { Progress } from '../../src/event-store/read-your-writes.js'
import { allProjections } from '../../src/projections/projections.js'
import type { Anomaly, Projection } from '../../src/projections/projection.js'
import { Projector } from '../../src/projections/projector.js'
import type { RebuildRequest, RebuildState } from '../../src/projections/rebuilding.js'
import { EmbeddedReadModel } from '../../src/read-model/embedded-read-model.js'
import type { KeyValue, ReadModel } from '../../src/read-model/read-model.js'
import {
  idempotencyKeys,
  meters,
  usageBlocks,
  usageCells,
  usageRecountedCells,
  usageRecords,
  usageSeries,
  usageStreams,
  usageWindows,
  type Table,
  type UsageCellRow,
} from '../../src/read-model/tables.js'
import type { Recounted } from './recount.js'

/** Temporary files, gone when the test file is through. */
export class Workspace {
  private readonly folder = mkdtempSync(join(tmpdir(), 'meterbook-'))
  private files = 0

  file(name: string): string {
    return join(this.folder, `${++this.files}-${name}`)
  }

  /** A store and whatever else is made in `use`, closed afterwards. */
  async withStore<Result>(use: (store: EventStore) => Promise<Result>): Promise<Result> {
    const store = new EmbeddedEventStore(this.file('events.db'))
    try {
      return await use(store)
    } finally {
      await store.close()
    }
  }

  async withReadModel<Result>(use: (readModel: ReadModel) => Promise<Result>): Promise<Result> {
    const readModel = new EmbeddedReadModel(this.file('read-model.db'))
    try {
      return await use(readModel)
    } finally {
      await readModel.close()
    }
  }

  remove(): void {
    rmSync(this.folder, { recursive: true })
  }
}

/** How many events the next batch has; asked again for each. */
export type Cut = () => number

export const everyEvent: Cut = () => 1
export const bySeven: Cut = () => 7
export const allAtOnce: Cut = () => Number.MAX_SAFE_INTEGER

/** Goes round and round. */
export function sizes(list: readonly number[]): Cut {
  let index = 0
  return () => list[index++ % list.length] ?? 1
}

/** The store, with the pages of its subscriptions cut anew. */
export function recut(store: EventStore, cut: Cut): EventStore {
  return {
    append: (appends) => store.append(appends),
    readStream: (stream, options) => store.readStream(stream, options),
    readAll: (options) => store.readAll(options),
    hasEventAt: (position, options) => store.hasEventAt(position, options),
    subscribe: (options) => cutAnew(store.subscribe(options), cut, options),
    resubscribe: () => store.resubscribe(),
    comparePositions: (left, right) => store.comparePositions(left, right),
    parsePosition: (text) => store.parsePosition(text),
    check: () => store.check(),
    storageFaults: () => store.storageFaults(),
    lostEvents: () => store.lostEvents(),
    close: () => store.close(),
  }
}

async function* cutAnew(
  items: AsyncIterable<SubscriptionItem>,
  cut: Cut,
  { signal }: SubscribeOptions,
): AsyncIterable<SubscriptionItem> {
  let gathered: RecordedEvent[] = []
  for await (const item of items) {
    if (item.type === 'events') {
      gathered.push(...item.events)
      continue
    }
    while (gathered.length > 0 && !signal.aborted) {
      const size = cut()
      yield { type: 'events', events: gathered.slice(0, size) }
      gathered = gathered.slice(size)
    }
    if (signal.aborted) return
    yield item
  }
}

export interface ProjectOptions {
  readonly cut?: Cut
  readonly projections?: (report: (anomaly: Anomaly) => void) => readonly Projection[]
  readonly onProgress?: (progress: Progress) => void
  /** Stops after so many batches as if the process ended there. */
  readonly batchesMax?: number
}

/** Projects until it has caught up. Answers what it reported as anomalies. */
export async function project(
  store: EventStore,
  readModel: ReadModel,
  { cut, projections = allProjections, onProgress, batchesMax }: ProjectOptions = {},
): Promise<Anomaly[]> {
  const anomalies: Anomaly[] = []
  const stop = new AbortController()
  let batches = 0
  const projector = new Projector(
    cut ? recut(store, cut) : store,
    readModel,
    projections((anomaly) => anomalies.push(anomaly)),
    (progress) => {
      onProgress?.(progress)
      if (progress.caughtUp || ++batches === batchesMax) stop.abort()
    },
    (message) => {
      throw new Error(message)
    },
    () => [],
    () => undefined,
    { gathering: { gatherEvents: 0, gatherMs: 0, steadyMs: 0 } },
  )
  await projector.prepare()
  await projector.run(stop.signal)
  return anomalies
}

export interface RebuildOptions {
  readonly stepsMax?: number
  readonly during?: (steps: number) => Promise<void>
}

/**
 * Projects from a store into a read model until a rebuild is over, or until `stepsMax` reports of it, as if the process ended
 * there; then closes both. Answers the last state of the rebuild.
 */
export async function rebuildRows(
  store: EventStore,
  readModel: ReadModel,
  request: RebuildRequest | null,
  { stepsMax = Infinity, during }: RebuildOptions = {},
): Promise<RebuildState | null> {
  const stop = new AbortController()
  let last: RebuildState | null = null
  let steps = 0
  let isAsked = false
  let isIdle = false
  let happening: Promise<void> = Promise.resolve()
  const projector: Projector = new Projector(
    recut(store, bySeven),
    readModel,
    allProjections(() => undefined),
    ({ caughtUp }) => {
      isIdle = caughtUp
      if (caughtUp && !isAsked) {
        isAsked = true
        if (request) projector.rebuild(request)
      }
      if (caughtUp && last?.status === 'completed') stop.abort()
    },
    () => undefined,
    () => allProjections(() => undefined),
    (state) => {
      last = state
      steps++
      if (during) happening = happening.then(() => during(steps))
      if (steps >= stepsMax || state.status === 'failed' || (state.status === 'completed' && isIdle)) {
        void happening.then(() => stop.abort())
      }
    },
  )
  try {
    await projector.prepare(request ? namesOf(request) : [])
    await projector.run(stop.signal)
    await happening
  } finally {
    await store.close()
    await readModel.close()
  }
  return last
}

/** Of the projections that are to be built anew. */
function namesOf({ projections }: RebuildRequest): readonly string[] {
  return projections.length > 0 ? projections : allProjections(() => undefined).map(({ projection }) => projection)
}

/** A projection with another schema number: its tables are built anew. */
export function withSchema(projection: Projection, schema: number): Projection {
  return Object.create(projection, { schema: { value: schema } }) as Projection
}

/** Every row of every table, in the order of their keys. */
export async function dump(readModel: ReadModel): Promise<Recounted> {
  return {
    meters: await allRows(readModel, meters),
    usage_series: await allRows(readModel, usageSeries),
    usage_records: await allRows(readModel, usageRecords),
    usage_blocks: await allRows(readModel, usageBlocks),
    usage_streams: await allRows(readModel, usageStreams),
    usage_windows: await allRows(readModel, usageWindows),
    usage_cells: await allCells(readModel),
    idempotency_keys: await allRows(readModel, idempotencyKeys),
  }
}

/** Of both tables: which one a meter's cells are in is not what they are. */
async function allCells(readModel: ReadModel): Promise<UsageCellRow[]> {
  const cells = [...(await allRows(readModel, usageCells)), ...(await allRows(readModel, usageRecountedCells))]
  return cells.sort((left, right) => left.series - right.series || left.size - right.size || left.start - right.start)
}

/** Rows read at a time. Small, so that paging is exercised. */
const PAGE_ROWS = 5

/** Pages by the key: on from the last row within ever shorter prefixes of its key. */
async function allRows<Row>(readModel: ReadModel, table: Table<Row>): Promise<Row[]> {
  // Only integer columns can be walked from a value; tables keyed by text are small here.
  if (table.key.some((column) => table.columns[column] !== 'integer')) {
    return readModel.range(table, { limit: Number.MAX_SAFE_INTEGER })
  }
  const rows: Row[] = []
  const walk = async (prefix: readonly KeyValue[], from?: number): Promise<void> => {
    for (;;) {
      const page = await readModel.range(table, {
        prefix,
        ...(from === undefined ? {} : { from }),
        limit: PAGE_ROWS,
      })
      rows.push(...page)
      const last = page.at(-1)
      if (!last || page.length < PAGE_ROWS) return
      const key = table.key.map((column) => last[column] as number)
      // What follows the last row with the same beginning, the longest beginning first.
      for (let length = key.length - 1; length > prefix.length; length--) {
        await walk(key.slice(0, length), (key[length] as number) + 1)
      }
      from = (key[prefix.length] as number) + 1
    }
  }
  await walk([])
  return rows
}
