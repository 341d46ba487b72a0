import { expect, it } from '@jest/globals'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { RejectsFile } from '../../src/cli/rejects-file.js'
import { DomainError } from '../../src/domain/errors.js'

it('A file of refused lines says why it could not be written, whenever that is noticed', async () => {
  const refusal = new DomainError('parameter_invalid', 'No.')
  for (let round = 0; round < 100; round++) {
    const file = new RejectsFile('/dev/full', '/dev/null')
    await file.add({ line: 1, raw: '{}', end: 2, event: {} }, refusal)
    for (let turn = 0; turn < round % 10; turn++) await nextTurn()
    await expect(file.close()).rejects.toThrow(/^The refused lines could not all be written to \/dev\/full: ENOSPC/)
  }
})
