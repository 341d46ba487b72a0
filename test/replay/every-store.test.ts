/**
 * One history on every store and in every read model: the same rows and digests, also after a rebuild that was interrupted
 * anywhere, and an audit on each agrees with the same digests.
 */
import { afterAll, beforeAll, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { EmbeddedEventStore } from '../../src/event-store/embedded-event-store.js'
import { EventStoreDbEventStore } from '../../src/event-store/eventstoredb-event-store.js'
import type { EventStore } from '../../src/event-store/event-store.js'
import type { RebuildRequest, RebuildState } from '../../src/projections/rebuilding.js'
import { EmbeddedReadModel } from '../../src/read-model/embedded-read-model.js'
import { PostgresReadModel } from '../../src/read-model/postgres-read-model.js'
import type { ReadModel } from '../../src/read-model/read-model.js'
import type { AuditVerdict } from '../../src/replay/audit.js'
import { digestUsage, type Digest } from '../../src/replay/digest.js'
import { EventStoreDbServer } from '../eventstoredb-server/eventstoredb-server.js'
import { histories, LEDGERS, withoutRepeats, writeLog, type Entry } from '../projections/history.js'
import { bySeven, dump, project, rebuildRows, Workspace } from '../projections/projecting.js'
import { PostgresServer } from '../postgres-server.js'
import { agree, everything } from './agreeing.js'

const quiet = { info: () => undefined, warn: () => undefined, error: () => undefined }

let workspace: Workspace
let postgres: PostgresServer
beforeAll(async () => {
  workspace = new Workspace()
  postgres = await PostgresServer.start()
})
afterAll(async () => {
  workspace.remove()
  await postgres.stop()
})

type OpenStore = () => EventStore
type OpenRows = () => ReadModel

function embeddedRows(): OpenRows {
  const file = workspace.file('read-model.db')
  return () => new EmbeddedReadModel(file)
}

/** `use` is given what opens one and the same empty store and read model, again and again. */
const stores: readonly ((use: (open: OpenStore, openRows: OpenRows) => Promise<Proven>) => Promise<Proven>)[] = [
  (use) => {
    const file = workspace.file('events.db')
    return use(() => new EmbeddedEventStore(file), embeddedRows())
  },
  async (use) => {
    const file = workspace.file('events.db')
    const url = await postgres.newDatabase()
    return use(
      () => new EmbeddedEventStore(file),
      () => new PostgresReadModel(url),
    )
  },
  async (use) => {
    const server = await EventStoreDbServer.start()
    try {
      return await use(() => EventStoreDbEventStore.open({ url: server.url, log: quiet }), embeddedRows())
    } finally {
      await server.stop()
    }
  },
]

interface Proven {
  readonly rows: unknown
  readonly digests: readonly Digest[]
  readonly verdict: Pick<AuditVerdict, 'verdict' | 'events' | 'rows' | 'digests'> | null
}

/** One after the other: independent appends may come in any order. */
async function write(open: OpenStore, entries: readonly Entry[]): Promise<void> {
  const store = open()
  const revisions = new Map<string, number>()
  for (const entry of entries) await writeLog(store, [entry], revisions)
  await store.close()
}

async function prove(open: OpenStore, openRows: OpenRows): Promise<Proven> {
  const store = open()
  const live = openRows()
  try {
    const digests = await Promise.all(
      LEDGERS.map((ledger) => live.snapshot((rows) => digestUsage(rows, { ...everything, ledger }))),
    )
    const verdict = await agree(workspace, store, { live, stored: live }, everything, {
      signal: new AbortController().signal,
      onProgress: () => undefined,
      onDoubt: (why) => {
        throw new Error(why)
      },
    })
    return {
      rows: await dump(live),
      digests,
      verdict: verdict && {
        verdict: verdict.verdict,
        events: verdict.events,
        rows: verdict.rows,
        digests: verdict.digests,
      },
    }
  } finally {
    await live.close()
    await store.close()
  }
}

it('A history leaves the same rows and digests on every store and in every read model, also where a rebuild was interrupted', () =>
  fc.assert(
    fc.asyncProperty(
      histories(60).map(withoutRepeats),
      fc.constantFrom([], ['usage-cells'], ['usage-index', 'usage-cells']),
      fc.array(fc.integer({ min: 1, max: 12 }), { minLength: 1, maxLength: 3 }),
      async (entries, projections, interruptions) => {
        const request: RebuildRequest = { projections, keep: false }
        const proven: Proven[] = []
        for (const withStore of stores) {
          const result = await withStore(async (open, openRows) => {
            await write(open, entries)
            const readModel = openRows()
            const store = open()
            await project(store, readModel, { cut: bySeven })
            await store.close()
            await readModel.close()
            proven.push(await prove(open, openRows))
            let state: RebuildState | null = null
            for (const [index, stepsMax] of interruptions.entries()) {
              // The first begins it; later ones find it begun.
              state = await rebuildRows(open(), openRows(), index === 0 ? request : null, { stepsMax })
              if (state?.status === 'completed') break
            }
            if (state?.status !== 'completed') state = await rebuildRows(open(), openRows(), request)
            expect(state).toMatchObject({ status: 'completed', differenceCount: 0 })
            return prove(open, openRows)
          })
          proven.push(result)
        }
        const [first, ...others] = proven
        expect(first?.verdict?.verdict).toBe('agrees')
        for (const other of others) expect(other).toEqual(first)
      },
    ),
    { numRuns: 10 },
  ))
