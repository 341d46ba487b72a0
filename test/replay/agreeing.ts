/** Asks whether rows agree with a log, with everything in this thread. */
import type { EventStore } from '../../src/event-store/event-store.js'
import { EmbeddedReadModel } from '../../src/read-model/embedded-read-model.js'
import type { ReadModel } from '../../src/read-model/read-model.js'
import { checkAgreement } from '../../src/replay/agreement.js'
import type { AuditSelection, AuditVerdict } from '../../src/replay/audit.js'
import { readStoredRows, type ReadStoredRows } from '../../src/replay/stored-rows.js'
import type { Workspace } from '../projections/projecting.js'

export const everything: AuditSelection = {
  ledger: null,
  meterId: null,
  customer: null,
  from: null,
  to: null,
  sequence: null,
}

/** `stored`: the same rows as `live`, for who reads them beside. */
export async function agree(
  workspace: Workspace,
  store: EventStore,
  { live, stored }: { readonly live: ReadModel; readonly stored: ReadModel },
  selection: AuditSelection,
  options: Parameters<typeof checkAgreement>[3],
): Promise<AuditVerdict | null> {
  const scratch = new EmbeddedReadModel(workspace.file('scratch.db'), 'small-scratch')
  const file = workspace.file('cells.db')
  const openCells = (): ReadModel => new EmbeddedReadModel(file, 'small-scratch')
  const cells = openCells()
  try {
    const readStored: ReadStoredRows = (task, beside) => readStoredRows(stored, openCells, task, beside)
    return await checkAgreement(store, { live, scratch, cells, readStored }, selection, options)
  } finally {
    await cells.close()
    await scratch.close()
  }
}
