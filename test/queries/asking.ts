/** Asks queries of a read model that has all of a history, as the service would. */
import type { LedgerName } from '../../src/domain/ledger.js'
import type { EventStore } from '../../src/event-store/event-store.js'
import { ReadYourWrites } from '../../src/event-store/read-your-writes.js'
import type { PageRequest } from '../../src/queries/page.js'
import { Reader, type QueryContext } from '../../src/queries/reader.js'
import type { ReadModel } from '../../src/read-model/read-model.js'
import { writeLog, type Entry } from '../projections/history.js'
import { project, type Workspace } from '../projections/projecting.js'

/** Of a question somebody waits for until it is answered. */
export function contextOf(ledger: LedgerName): QueryContext {
  return { ledger, minPosition: null, signal: new AbortController().signal }
}

export interface Asked {
  readonly reader: Reader
  readonly store: EventStore
  readonly readModel: ReadModel
}

export async function asking(
  workspace: Workspace,
  history: readonly Entry[],
  ask: (asked: Asked) => Promise<void>,
): Promise<void> {
  await workspace.withStore(async (store) => {
    await writeLog(store, history)
    await workspace.withReadModel(async (readModel) => {
      const readYourWrites = new ReadYourWrites(store, 60_000)
      await project(store, readModel, { onProgress: (progress) => readYourWrites.advance(progress) })
      await ask({ reader: new Reader(readModel, readYourWrites, store), store, readModel })
    })
  })
}

interface Item {
  readonly id: string
}
interface Items {
  readonly items: readonly Item[]
  readonly hasMore: boolean
}

/** Every page from the beginning, and every page backwards from the last item. */
export async function walkBothWays<P extends Items>(
  limit: number,
  read: (page: PageRequest) => Promise<P>,
): Promise<{ forwards: P['items'][number][]; backwards: P['items'][number][] }> {
  const forwards: Item[] = []
  for (let hasMore = true; hasMore;) {
    const page = await read({ limit, startingAfter: forwards.at(-1)?.id ?? null, endingBefore: null })
    forwards.push(...page.items)
    hasMore = page.hasMore && page.items.length > 0
  }
  const backwards: Item[] = []
  for (let before = forwards.at(-1)?.id; before !== undefined;) {
    const page = await read({ limit, startingAfter: null, endingBefore: before })
    backwards.unshift(...page.items)
    before = page.hasMore ? backwards[0]?.id : undefined
  }
  return { forwards, backwards }
}
