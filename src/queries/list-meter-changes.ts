/** The history of one meter, newest first: each of its events, with what it changed and who did it. */
import { Query, QueryHandler, type IQueryHandler } from '@nestjs/cqrs'
import type { Event } from '../domain/meter-catalogue.js'
import type { RowReader } from '../read-model/read-model.js'
import { meterChanges, type MeterChangeRow } from '../read-model/tables.js'
import { Actors, type Actor } from './actors.js'
import { toPage, unknownCursor, type Page, type PageRequest } from './page.js'
import { Reader, requireMeter, type Answer, type QueryContext } from './reader.js'

export interface MeterChange {
  /** `mtrchg_<revision>`: unique in its ledger, and the cursor of lists. */
  readonly id: string
  readonly type: Exclude<Event['type'], 'LedgerOpened'>
  readonly displayName: string
  /** null before the meter was created. */
  readonly previousDisplayName: string | null
  /** Milliseconds since the epoch. */
  readonly at: number
  readonly requestId: string
  readonly actor: Actor
}

export class ListMeterChanges extends Query<Answer<Page<MeterChange>>> {
  constructor(
    readonly context: QueryContext,
    readonly meterId: string,
    readonly page: PageRequest,
  ) {
    super()
  }
}

const ID = /^mtrchg_([1-9]\d{0,14})$/

@QueryHandler(ListMeterChanges)
export class ListMeterChangesHandler implements IQueryHandler<ListMeterChanges> {
  constructor(
    private readonly reader: Reader,
    private readonly actors: Actors,
  ) {}

  /** @throws DomainError for an unknown meter or cursor. */
  async execute({ context, meterId, page }: ListMeterChanges): Promise<Answer<Page<MeterChange>>> {
    const { result, position } = await this.reader.read(context, 'meter-changes', async (rows) => {
      await requireMeter(rows, context.ledger, meterId)
      const cursor = await cursorRevision(rows, meterId, page)
      const forwards = page.endingBefore === null
      const found = await rows.range(meterChanges, {
        prefix: [meterId],
        ...(cursor === null ? {} : forwards ? { to: cursor } : { from: cursor + 1 }),
        reverse: forwards,
        limit: page.limit + 1,
      })
      return toPage(page, found)
    })
    const actors = await this.actors.of(result.items.map(({ actor }) => actor))
    const items = result.items.map((row, index) => view(row, actors[index] as Actor))
    return { result: { items, hasMore: result.hasMore }, position }
  }
}

function view({ revision, type, displayName, previousDisplayName, at, requestId }: MeterChangeRow, actor: Actor) {
  return {
    id: `mtrchg_${revision}`,
    type: type as MeterChange['type'],
    displayName,
    previousDisplayName,
    at,
    requestId,
    actor,
  }
}

async function cursorRevision(rows: RowReader, meterId: string, page: PageRequest): Promise<number | null> {
  const id = page.startingAfter ?? page.endingBefore
  if (id === null) return null
  const revision = Number(ID.exec(id)?.[1] ?? 0)
  const [row] = await rows.get(meterChanges, [[meterId, revision]])
  return row ? row.revision : unknownCursor(page)
}
