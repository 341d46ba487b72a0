import { expect, it } from '@jest/globals'
import { importLines } from '../../src/cli/import-lines.js'

it('A quote that is not closed is refused after so many blank lines, whatever follows', async () => {
  const chunks = 20
  let read = 0
  const content = async function* (): AsyncGenerator<Buffer> {
    yield Buffer.from('event_name,value\ntokens,"1\n')
    for (; read < chunks; read++) yield Buffer.alloc(64 * 1024, '\n')
  }
  const pages = importLines('csv', content())[Symbol.asyncIterator]()
  const { value } = await pages.next()
  expect(value).toEqual([expect.objectContaining({ line: 2, raw: 'tokens,"1' })])
  expect(read).toBeLessThan(chunks / 2)
  expect(await pages.next()).toMatchObject({ done: true })
})
