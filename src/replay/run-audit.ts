/** One audit with everything it opens: the log, the live rows beside whoever serves them, and a scratch folder. */
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { DomainError } from '../domain/errors.js'
import { EventStoreCorrupt, type EventStore } from '../event-store/event-store.js'
import { EMBEDDED, EVENT_LOG_FILE, openEventStore, type Log } from '../event-store/open-event-store.js'
import { categories, ledgerOf } from '../event-store/streams.js'
import type { ReadModel } from '../read-model/read-model.js'
import { openReadModel, openScratchReadModel, placeWithoutRows } from '../read-model/open-read-model.js'
import { meters } from '../read-model/tables.js'
import { believed, checkpointsOf } from '../projections/checkpoints.js'
import { originOf } from '../projections/log-origin.js'
import { allProjections } from '../projections/projections.js'
import { checkAgreement } from './agreement.js'
import { Audit, type AuditOptions, type AuditSelection, type AuditVerdict, type DigestRecords } from './audit.js'
import { requireSameSchemas } from './standing.js'
import type { ReadStoredRows } from './stored-rows.js'
import { readStoredRowsInThread } from './stored-rows-thread.js'

export interface AuditSettings {
  readonly eventStoreUrl: string
  readonly readModelUrl: string
  readonly dataDir: string
  /** Where the scratch rows go, as large as the read model; the system's folder for such files by default. */
  readonly scratchDir?: string
}

export interface FullVerdict extends AuditVerdict {
  /** For an operator, where the log lacks the event up to which the rows were made: that is why, and what to do. null where it has it. */
  readonly otherLog: string | null
}

/** @throws DomainError for a meter that does not exist and a usage event that is not yet; else what kept it from coming to a verdict. */
export async function runAudit(
  { eventStoreUrl, readModelUrl, dataDir, scratchDir = tmpdir() }: AuditSettings,
  selection: AuditSelection,
  options: AuditOptions,
  log: Log,
): Promise<FullVerdict> {
  const empty = await placeWithoutRows(readModelUrl, dataDir)
  if (empty !== null) {
    throw new Error(`There is no read model in ${empty} to be audited. Start the service once, then audit.`)
  }
  if (eventStoreUrl === EMBEDDED && !existsSync(join(dataDir, EVENT_LOG_FILE))) {
    throw new Error(`There is no event log in ${resolve(dataDir)} to be audited.`)
  }
  // Whatever was opened is closed again, newest first, also when a later step fails.
  const closing: (() => Promise<unknown>)[] = []
  try {
    // Nobody waits behind it who would rather be told, also where a service was asked for it.
    const store = await openEventStore(eventStoreUrl, dataDir, log, 'background')
    closing.push(() => store.close())
    await store.check()
    const live = openReadModel(readModelUrl, dataDir)
    closing.push(() => live.close())
    await requireSameSchemas(
      live,
      allProjections(() => undefined),
    )
    const otherLog = await otherLogOf(store, live)
    await requireMeter(store, live, selection)
    await requireReached(live, selection)
    // What each event did is told from rows that have nothing of what comes behind it.
    if (!options.onEffect) {
      const agreed = await inScratch(scratchDir, 'small-scratch', async (scratch, folder) => {
        const cellsFolder = join(folder, 'cells')
        const cells = openScratchReadModel(cellsFolder, 'small-scratch')
        try {
          const storedIn = { kind: 'stored', readModelUrl, dataDir } as const
          const readStored: ReadStoredRows = (task, beside) =>
            readStoredRowsInThread({ storedIn, cellsFolder, task }, beside)
          return await checkAgreement(store, { live, scratch, cells, readStored }, selection, options)
        } finally {
          await cells.close()
        }
      })
      if (agreed) return { ...agreed, otherLog }
    }
    const audited = await inScratch(scratchDir, 'scratch', (scratch, folder) => {
      const digestFolded: DigestRecords = (selections, { signal, onRead }) => {
        const task = { sequence: 0, addsUpCells: false, selections, sumKeys: null }
        const work = { storedIn: { kind: 'scratch', folder }, cellsFolder: folder, task } as const
        const ignore = (): void => undefined
        return readStoredRowsInThread(work, { signal, onDigested: onRead, onCells: ignore, onIndexes: ignore })
      }
      return new Audit(store, live, scratch, digestFolded, selection, options).run()
    })
    return { ...audited, otherLog }
  } finally {
    for (let close = closing.pop(); close; close = closing.pop()) await close()
  }
}

/**
 * A mistyped meter would agree, without a record. It is known where the rows or the log have it: which of the two is wrong
 * is for the audit to say.
 */
async function requireMeter(store: EventStore, live: ReadModel, selection: AuditSelection): Promise<void> {
  const { ledger, meterId } = selection
  if (meterId === null) return
  const isSelected = (owner: string): boolean => ledger === null || owner === ledger
  const [row] = await live.snapshot((rows) => rows.get(meters, [[meterId]], 'meterId'))
  if (row && isSelected(row.ledger)) return
  for await (const page of store.readAll({ after: null, categories: [categories.meters] })) {
    const creates = page.filter(({ type, data }) => type === 'MeterCreated' && data.meterId === meterId)
    if (creates.some(({ stream }) => isSelected(ledgerOf(stream)))) return
  }
  throw new DomainError('resource_missing', `No such meter: '${meterId}'.`, 'meter')
}

/**
 * Of what most rows say: one wrong checkpoint is for the audit to name. Rows of the log that this one was copied from would
 * differ in nothing but where they stand, and are not audited.
 *
 * @throws where this is a copy.
 */
async function otherLogOf(store: EventStore, live: ReadModel): Promise<string | null> {
  const reached = believed(
    await checkpointsOf(
      live,
      allProjections(() => undefined),
    ),
  )
  try {
    const origin = await originOf(reached, store, live.removal)
    if (origin.kind === 'copied log') throw new Error(origin.message)
    return origin.kind === 'other log' ? origin.message : null
  } catch (error) {
    // So is an event that cannot be read.
    if (!(error instanceof EventStoreCorrupt)) throw error
    return null
  }
}

/** As of what has not happened an audit would be one of now. */
async function requireReached(live: ReadModel, { sequence }: AuditSelection): Promise<void> {
  const { sequence: latest } = believed(
    await checkpointsOf(
      live,
      allProjections(() => undefined),
    ),
  )
  if (sequence === null || sequence <= latest) return
  throw new DomainError(
    'parameter_invalid',
    `The read model has ${latest} usage events so far, not ${sequence}.`,
    'sequence',
  )
}

/** Scratch rows in a folder that is gone afterwards. They are not used again: after a failure such a file may be anything. */
async function inScratch<Result>(
  scratchDir: string,
  size: 'scratch' | 'small-scratch',
  use: (scratch: ReadModel, folder: string) => Promise<Result>,
): Promise<Result> {
  const folder = await mkdtemp(join(scratchDir, 'meterbook-audit-')).catch((error: unknown) => {
    const said = (error as NodeJS.ErrnoException).code ?? String(error)
    throw new Error(
      `What is folded goes into ${scratchDir}, which cannot be written (${said}). Set TMPDIR to another folder; the command takes --temp-dir as well.`,
      { cause: error },
    )
  })
  try {
    const scratch = openScratchReadModel(folder, size)
    try {
      return await use(scratch, folder)
    } finally {
      await scratch.close()
    }
  } finally {
    await rm(folder, { recursive: true, force: true })
  }
}
