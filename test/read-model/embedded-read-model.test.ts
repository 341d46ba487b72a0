import { expect, it } from '@jest/globals'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EmbeddedReadModel } from '../../src/read-model/embedded-read-model.js'
import { ReadModelUnusable } from '../../src/read-model/read-model.js'
import { readModelContract } from '../contract/read-model.contract.js'

readModelContract('The embedded read model', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'meterbook-'))
  return {
    open: (snapshotWaitMs) => new EmbeddedReadModel(join(folder, 'read-model.db'), 'lasting', snapshotWaitMs),
    remove: async () => rmSync(folder, { recursive: true }),
  }
})

it('is written by whoever writes first of those that have come to, and by none of the others', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'meterbook-'))
  const open = () => new EmbeddedReadModel(join(folder, 'read-model.db'))
  const [before, one, other] = [open(), open(), open()]
  const begun: string[] = []
  const writeTo = (readModel: EmbeddedReadModel, name: string) => readModel.write(async () => void begun.push(name))
  try {
    await before.lead()
    await writeTo(before, 'before')
    for (const readModel of [one, other]) expect(await readModel.lead()).toBe('begun')
    for (const name of ['one', 'one again']) await writeTo(one, name)
    for (const readModel of [before, other]) {
      await expect(writeTo(readModel, 'another')).rejects.toThrow(ReadModelUnusable)
      await expect(readModel.prepare([])).rejects.toThrow('Another Meterbook process writes')
    }
    await writeTo(one, 'one at last')
    expect(begun).toEqual(['before', 'one', 'one again', 'one at last'])
  } finally {
    for (const readModel of [before, one, other]) await readModel.close()
    rmSync(folder, { recursive: true })
  }
})
