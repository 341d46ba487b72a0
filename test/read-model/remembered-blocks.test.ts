import { expect, it } from '@jest/globals'
import fc from 'fast-check'
import { RememberedBlocks } from '../../src/read-model/remembered-blocks.js'

const BLOCKS_MAX = 8
const TABLES = ['cells', 'records by series', 'records by time']
const steps = fc.array(
  fc.record({
    table: fc.constantFrom(...TABLES),
    id: fc.nat(30),
    then: fc.constantFrom('remember', 'remember', 'remember', 'forget'),
  }),
  { maxLength: 200 },
)

it('Never are more blocks remembered than may be, the last one always, and each under the table it is of', () => {
  fc.assert(
    fc.property(steps, (taken) => {
      const remembered = new RememberedBlocks(BLOCKS_MAX)
      for (const { table, id, then } of taken) {
        const blocks = remembered.of(table)
        if (then === 'forget') {
          remembered.forget(table)
          expect(blocks.size).toBe(0)
        } else if (!blocks.has(id)) {
          remembered.remember(blocks, id, Float64Array.of(TABLES.indexOf(table), id))
          expect(blocks.get(id)).toBeDefined()
        }
        const sizes = TABLES.map((name) => remembered.of(name).size)
        expect(sizes.reduce((sum, size) => sum + size)).toBeLessThanOrEqual(BLOCKS_MAX)
        for (const [place, name] of TABLES.entries()) {
          for (const [known, entries] of remembered.of(name)) expect([...entries]).toEqual([place, known])
        }
      }
    }),
  )
})
