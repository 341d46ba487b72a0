/** What an operator is told of a folder that others may go into never shuts out the service itself. */
import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { chmodSync, chownSync, mkdtempSync, rmSync, statSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { dataFolderOpenToOthers } from '../src/data-folder.js'

let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'meterbook-folder-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

/** Not the one whose folder it is, nor root. */
const ANOTHER_UID = 54_321
const users = {
  owner: () => ({ uid: statSync(folder).uid, gids: [] }),
  member: () => ({ uid: ANOTHER_UID, gids: [7, statSync(folder).gid] }),
  stranger: () => ({ uid: ANOTHER_UID, gids: [] }),
  root: () => {
    // Who runs the tests may be root as well.
    if (statSync(folder).uid === 0) chownSync(folder, ANOTHER_UID, ANOTHER_UID)
    return { uid: 0, gids: [] }
  },
}

describe('A data folder', () => {
  it.each([
    ['owner', 0o700, null],
    ['owner', 0o750, 'Close it: chmod -R go= '],
    ['member', 0o770, null],
    ['member', 0o775, 'Close it: chmod -R o= '],
    ['root', 0o777, 'Close it: chmod -R o= '],
    ['stranger', 0o777, `chown -R ${ANOTHER_UID} `],
  ] as const)('of which the service is %s, with mode %o', (who, mode, remedy) => {
    chmodSync(folder, mode)
    const open = dataFolderOpenToOthers(folder, users[who]())
    if (remedy === null) return expect(open).toBeNull()
    expect(open).toEqual({ mode: mode.toString(8), remedy: expect.stringContaining(remedy) })
    expect(open?.remedy).toContain(folder)
  })
})
