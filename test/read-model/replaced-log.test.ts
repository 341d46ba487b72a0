/** The write-ahead log of the rows is watched from the first connection on, whether that made the file or found it. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { EmbeddedReadModel } from '../../src/read-model/embedded-read-model.js'

const LOOK_AGAIN_MS = 20

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'meterbook-rows-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

/** Writes until it is refused, then says how. */
async function refusal(rows: EmbeddedReadModel): Promise<string> {
  for (;;) {
    try {
      await rows.write(async () => {})
    } catch (error) {
      return (error as Error).message
    }
    await delay(LOOK_AGAIN_MS)
  }
}

describe('Rows are not written any more once their write-ahead log is gone', () => {
  it.each(['of a new file', 'of a file that was there'])('%s', async (which) => {
    const file = join(folder, 'read-model.db')
    if (which !== 'of a new file') {
      const before = new EmbeddedReadModel(file)
      await before.prepare([])
      await before.close()
    }
    const rows = new EmbeddedReadModel(file)
    await rows.prepare([])
    rmSync(`${file}-wal`)
    expect(await refusal(rows)).toContain(`${file}-wal was replaced or deleted while it was in use`)
    await rows.close()
  })
})
