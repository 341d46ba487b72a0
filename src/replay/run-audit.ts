/** One audit with everything it opens: the log, the live rows beside whoever serves them, and a scratch folder. */
import { existsSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join, resolve } from 'node:path'
import { openEventStore, type Log } from '../event-store/open-event-store.js'
import { openReadModel, openScratchReadModel, READ_MODEL_FILE } from '../read-model/open-read-model.js'
import { Audit, type AuditOptions, type AuditSelection, type AuditVerdict, type DigestFolded } from './audit.js'
import { digestInThread } from './digest-thread.js'

export interface AuditSettings {
  readonly eventStoreUrl: string
  readonly readModelUrl: string
  readonly dataDir: string
  /** Where the scratch rows go, as large as the read model; the system's folder for such files by default. */
  readonly scratchDir?: string
}

export async function runAudit(
  { eventStoreUrl, readModelUrl, dataDir, scratchDir = tmpdir() }: AuditSettings,
  selection: AuditSelection,
  options: AuditOptions,
  log: Log,
): Promise<AuditVerdict> {
  if (!existsSync(join(dataDir, READ_MODEL_FILE))) {
    throw new Error(`There is no read model in ${resolve(dataDir)} to be audited. Start the service once, then audit.`)
  }
  // Whatever was opened is closed again, newest first, also when a later step fails.
  const closing: (() => Promise<unknown>)[] = []
  try {
    const folder = await mkdtemp(join(scratchDir, 'meterbook-audit-'))
    closing.push(() => rm(folder, { recursive: true, force: true }))
    const store = await openEventStore(eventStoreUrl, dataDir, log)
    closing.push(() => store.close())
    await store.check()
    const live = openReadModel(readModelUrl, dataDir)
    closing.push(() => live.close())
    const scratch = openScratchReadModel(folder)
    closing.push(() => scratch.close())
    const digestFolded: DigestFolded = (selections, beside) => digestInThread(folder, selections, beside)
    return await new Audit(store, live, scratch, digestFolded, selection, options).run()
  } finally {
    for (let close = closing.pop(); close; close = closing.pop()) await close()
  }
}
