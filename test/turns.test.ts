import { describe, expect, it } from '@jest/globals'
import { setImmediate as nextRound } from 'node:timers/promises'
import { inTurn, PIECES_WAITING_MAX, turn } from '../src/turns.js'

describe('Turns of the event loop', () => {
  it('do one piece a round, in the order in which they were asked for', async () => {
    const done: string[] = []
    for (const piece of ['a', 'b', 'c']) inTurn(() => done.push(piece))
    expect(done).toEqual([])
    const afterEachRound: number[] = []
    while (done.length < 3) {
      await nextRound()
      afterEachRound.push(done.length)
    }
    expect(done).toEqual(['a', 'b', 'c'])
    expect(afterEachRound).toEqual([1, 2, 3])
  })

  it('come to what a piece asks for last', async () => {
    const done: string[] = []
    inTurn(() => {
      done.push('a')
      inTurn(() => done.push('of a'))
    })
    inTurn(() => done.push('b'))
    await turn()
    await turn()
    expect(done).toEqual(['a', 'b', 'of a'])
  })

  it('do not pile up without a bound: what is too much is done at once', async () => {
    let done = 0
    for (let piece = 0; piece <= PIECES_WAITING_MAX; piece++) inTurn(() => done++)
    expect(done).toBe(1)
    while (done <= PIECES_WAITING_MAX) await nextRound()
  })
})
