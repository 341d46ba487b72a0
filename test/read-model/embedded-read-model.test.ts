import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EmbeddedReadModel } from '../../src/read-model/embedded-read-model.js'
import { readModelContract } from '../contract/read-model.contract.js'

readModelContract('The embedded read model', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'meterbook-'))
  return {
    open: (snapshotWaitMs) => new EmbeddedReadModel(join(folder, 'read-model.db'), 'lasting', snapshotWaitMs),
    remove: async () => rmSync(folder, { recursive: true }),
  }
})
