/** Snapshots that wait for others to end, or whose file cannot be opened for a while. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { mkdirSync, renameSync, rmdirSync } from 'node:fs'
import { EmbeddedReadModel } from '../../src/read-model/embedded-read-model.js'
import { SNAPSHOT_WAIT_MS, SNAPSHOTS_MAX, SnapshotConnections } from '../../src/read-model/snapshot-connections.js'
import { ReadModelBusy, ReadModelUnusable, START } from '../../src/read-model/read-model.js'
import { Workspace } from '../projections/projecting.js'
import { small } from './naive-rows.js'
import { steps, WatchedConnections } from './watched-connections.js'

/** Shortened, so that it is seen. */
const WAIT_MS = 50

let workspace: Workspace
beforeAll(() => {
  workspace = new Workspace()
})
afterAll(() => workspace.remove())

let file: string
let readModel: EmbeddedReadModel
beforeEach(async () => {
  file = workspace.file('read-model.db')
  // Whether a scratch file is still the one that was opened is not looked at.
  readModel = new EmbeddedReadModel(file, 'scratch', WAIT_MS)
  await readModel.prepare([small])
})
afterEach(() => readModel.close())

const read = (): Promise<unknown> => readModel.snapshot((rows) => rows.checkpoint(small.projection))

it('are taken again once the file can be opened again, however often it could not', async () => {
  renameSync(file, `${file}.aside`)
  mkdirSync(file)
  for (let tries = 0; tries <= SNAPSHOTS_MAX; tries++) await expect(read()).rejects.toThrow(ReadModelUnusable)
  rmdirSync(file)
  renameSync(`${file}.aside`, file)
  await expect(read()).resolves.toEqual(START)
})

it('wait for one to end, in the order they came, and only so long', async () => {
  const end: (() => void)[] = []
  const held = Array.from({ length: SNAPSHOTS_MAX }, () =>
    readModel.snapshot(() => new Promise<void>((resolve) => end.push(resolve))),
  )
  await expect(read()).rejects.toThrow(ReadModelBusy)
  const answered: string[] = []
  const ask = (name: string): Promise<unknown> => readModel.snapshot(async () => answered.push(name))
  const asked = [ask('first'), ask('second')]
  end.shift()!()
  await Promise.all(asked)
  expect(answered).toEqual(['first', 'second'])
  for (const each of end) each()
  await Promise.all(held)
})

it('wait for nobody who is gone', async () => {
  const end: (() => void)[] = []
  const held = Array.from({ length: SNAPSHOTS_MAX }, () =>
    readModel.snapshot(() => new Promise<void>((resolve) => end.push(resolve))),
  )
  const leaving = new AbortController()
  const gone = readModel.snapshot(async () => 'read', leaving.signal)
  const next = readModel.snapshot(async () => 'read')
  leaving.abort(new Error('gone'))
  await expect(gone).rejects.toThrow('gone')
  for (const each of end) each()
  expect(await next).toBe('read')
  await Promise.all(held)
})

describe('Connections for snapshots', () => {
  const noneLeft = new Error('there are no more')
  /** Numbered in the order in which they were opened; each is given when the test says so, or fails. */
  let openings: { readonly give: () => void; readonly fail: () => void }[]
  let closed: number[]
  let given: number

  function connections(most: number | readonly number[], waitMs = SNAPSHOT_WAIT_MS): SnapshotConnections<number> {
    openings = []
    closed = []
    given = 0
    const open = (): Promise<number> =>
      new Promise((resolve, reject) => openings.push({ give: () => resolve(++given), fail: () => reject(noneLeft) }))
    return new SnapshotConnections({ open, close: (connection) => void closed.push(connection) }, waitMs, [most].flat())
  }

  /** Each is opened at once. */
  const atOnce = (most: number): SnapshotConnections<number> =>
    new SnapshotConnections({ open: () => 1, close: () => undefined }, WAIT_MS, [most])

  const inBetween = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

  /** So many that were asked for and given. */
  async function acquired(pool: SnapshotConnections<number>, count: number): Promise<void> {
    const all = Array.from({ length: count }, () => pool.acquire(undefined))
    for (const { give } of openings) give()
    await Promise.all(all)
  }

  /** Whoever came before has waited too long. */
  async function late(): Promise<void> {
    const later = atOnce(1)
    await later.acquire(undefined)
    await expect(later.acquire(undefined)).rejects.toThrow(ReadModelBusy)
  }

  it('are those that others gave back meanwhile where no more can be opened', async () => {
    const pool = connections(3)
    await acquired(pool, 1)
    const second = pool.acquire(undefined)
    pool.release(1)
    openings[1]!.fail()
    expect(await second).toBe(1)
  })

  it('are waited for where no more can be opened, and why is told who waited too long', async () => {
    const pool = connections(3, WAIT_MS)
    await acquired(pool, 1)
    const [second, third] = [pool.acquire(undefined), pool.acquire(undefined)]
    openings[1]!.fail()
    await inBetween()
    pool.release(1)
    expect(await second).toBe(1)
    await expect(third).rejects.toBe(noneLeft)
  })

  it('are opened anew for who waits where one is of no use any more', async () => {
    const pool = connections(2)
    await acquired(pool, 2)
    const waiting = pool.acquire(undefined)
    pool.discard(1)
    expect(closed).toEqual([1])
    openings[2]!.give()
    expect(await waiting).toBe(3)
    pool.discard(2)
    pool.discard(3)
    await acquired(pool, 2)
    expect(openings).toHaveLength(5)
  })

  it('are waited for further where the one for who waits cannot be opened and others are in use', async () => {
    const pool = connections(2)
    await acquired(pool, 2)
    const waiting = pool.acquire(undefined)
    pool.discard(1)
    openings[2]!.fail()
    await inBetween()
    pool.release(2)
    expect(await waiting).toBe(2)
  })

  it('are waited for by nobody where there are none and none can be opened', async () => {
    const pool = connections(1)
    await acquired(pool, 1)
    const waiting = [pool.acquire(undefined), pool.acquire(undefined)].map((each) =>
      each.catch((error: unknown) => error),
    )
    pool.discard(1)
    // Who comes in the middle of it has one opened for itself.
    const later = pool.acquire(undefined)
    openings[1]!.fail()
    expect(await Promise.all(waiting)).toEqual([noneLeft, noneLeft])
    openings[2]!.give()
    expect(await later).toBe(2)
    expect(openings).toHaveLength(3)
  })

  it('are those that others give back, also while one is being opened for who waits', async () => {
    const pool = connections(2)
    await acquired(pool, 1)
    const waiting = pool.acquire(undefined)
    pool.release(1)
    expect(await waiting).toBe(1)
    // It is being opened still, and no other one beside it.
    const next = pool.acquire(undefined)
    expect(openings).toHaveLength(2)
    openings[1]!.give()
    expect(await next).toBe(2)
  })

  it('are waited for no longer than until it is known that the one that is being opened is for nobody else', async () => {
    const pool = connections(2, WAIT_MS)
    await acquired(pool, 1)
    const waiting = pool.acquire(undefined)
    await late()
    openings[1]!.fail()
    await expect(waiting).rejects.toBe(noneLeft)
  })

  it('are waited for no longer than until the one is given to somebody that was being opened by then', async () => {
    const pool = connections(8, WAIT_MS)
    await acquired(pool, 1)
    const [first, ...others] = [1, 2, 3].map(() => pool.acquire(undefined))
    const told = Promise.allSettled(others)
    await late()
    openings[1]!.give()
    expect(await first).toBe(2)
    for (const each of await told) expect(each).toMatchObject({ reason: expect.any(ReadModelBusy) })
    expect(openings).toHaveLength(2)
  })

  it('are waited for no longer where the one that is being opened is for another use', async () => {
    const pool = connections([2, 1], WAIT_MS)
    const first = [pool.acquire(undefined, 1), pool.acquire(undefined, 0)]
    for (const { give } of openings) give()
    await Promise.all(first)
    const another = pool.acquire(undefined, 0)
    await expect(pool.acquire(undefined, 1)).rejects.toThrow(ReadModelBusy)
    openings[2]!.give()
    expect(await another).toBe(3)
  })

  it('were kept from whoever waits by others, and not by a failure that is over or met another use', async () => {
    const pool = connections([2, 1], WAIT_MS)
    const first = [0, 0, 1].map((use) => pool.acquire(undefined, use))
    for (const { give } of openings) give()
    expect(await Promise.all(first)).toEqual([1, 3, 2])
    pool.discard(2)
    const kept = pool.acquire(undefined, 1)
    const busy = pool.acquire(undefined, 0)
    const told = Promise.allSettled([kept, busy])
    openings[3]!.fail()
    expect(await told).toMatchObject([{ reason: noneLeft }, { reason: expect.any(ReadModelBusy) }])
    await expect(pool.acquire(undefined, 0)).rejects.toThrow(ReadModelBusy)
  })

  it('were kept from whoever waits by others where one could be opened since', async () => {
    const pool = connections(8, WAIT_MS)
    await acquired(pool, 1)
    const [first, second, third] = [1, 2, 3].map(() => pool.acquire(undefined))
    openings[1]!.fail()
    await inBetween()
    const told = Promise.allSettled([third, pool.acquire(undefined)])
    openings[2]!.give()
    expect(await first).toBe(2)
    await late()
    openings[3]!.give()
    expect(await second).toBe(3)
    for (const each of await told) expect(each).toMatchObject({ reason: expect.any(ReadModelBusy) })
  })

  it('are given to who came first, whatever for', async () => {
    const pool = connections([3, 3])
    await acquired(pool, 1)
    const [first, second] = [1, 0].map((use) => pool.acquire(undefined, use))
    pool.release(1)
    expect(await first).toBe(1)
    openings[1]!.give()
    expect(await second).toBe(2)
  })

  it('that are idle for one use are given to another whose one is of no use any more', async () => {
    const pool = connections([2, 2])
    const first = [0, 0, 1, 1].map((use) => pool.acquire(undefined, use))
    for (const { give } of openings) give()
    expect(await Promise.all(first)).toEqual([1, 3, 2, 4])
    pool.release(2)
    const waiting = pool.acquire(undefined, 0)
    pool.discard(1)
    expect(await waiting).toBe(2)
    expect(openings).toHaveLength(4)
  })

  // Much longer than it takes, and much shorter than if each that comes or goes were a walk through all that wait.
  it('cost as much for each of many that wait as for each of few', async () => {
    const pool = connections([8, 4], 600_000)
    await acquired(pool, 1)
    const waiting = Array.from({ length: 10_000 }, () => pool.acquire(undefined))
    await expect(pool.acquire(undefined, 1)).rejects.toThrow(ReadModelBusy)
    pool.release(1)
    for (const each of waiting) pool.release(await each)
    expect(openings).toHaveLength(2)
  }, 10_000)

  it('are given to one at a time and to nobody who may not have one, and nobody waits in vain or for long, whatever happens', async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom([3], [1, 1], [3, 1], [2, 2], [8, 4]),
        fc.constantFrom(null, 1),
        steps,
        async (most, unneededMs, taken) => {
          const watched = new WatchedConnections(most, unneededMs)
          for (const step of taken) await watched.take(step)
          await watched.close()
          expect(watched.wrong).toEqual([])
        },
      ),
      // Each takes as long as it waits, so a shorter one is not looked for.
      { numRuns: 200, endOnFailure: true },
    )
  })

  it('are left to another use: one, as soon as there are several', async () => {
    const pool = connections([3, 1])
    const first = [0, 0, 0].map((use) => pool.acquire(undefined, use))
    openings[0]!.give()
    openings[1]!.give()
    expect(await first[0]).toBe(1)
    expect(await pool.acquire(undefined, 1)).toBe(2)
    // Its bound is its own, also where there is more.
    const other = pool.acquire(undefined, 1)
    openings[2]!.give()
    expect(await first[1]).toBe(3)
    pool.release(2)
    expect(await other).toBe(2)
    pool.release(2)
    await inBetween()
    // For the last one one is opened, and that one stays.
    openings[3]!.give()
    expect(await first[2]).toBe(4)
    expect(await pool.acquire(undefined, 1)).toBe(2)
    expect(openings).toHaveLength(4)
  })

  it('are left to others that may have none where no more can be opened, one, as long as there is one for each use', async () => {
    const pool = connections([3, 1])
    const first = [0, 0, 1].map((use) => pool.acquire(undefined, use))
    for (const { give } of openings) give()
    expect(await Promise.all(first)).toEqual([1, 3, 2])
    const waiting = pool.acquire(undefined, 0)
    openings[3]!.fail()
    await inBetween()
    pool.release(1)
    expect(closed).toEqual([1])
    pool.release(3)
    expect(await waiting).toBe(3)
    pool.release(3)
    pool.release(2)
    expect(closed).toEqual([1])
  })

  it('are opened anew where those that are being opened may be lost like those that were', async () => {
    const pool = connections([3, 1])
    await acquired(pool, 1)
    const waiting = [pool.acquire(undefined), pool.acquire(undefined)]
    pool.release(1)
    expect(await waiting[0]).toBe(1)
    expect(openings).toHaveLength(2)
    pool.discard(1)
    pool.discardIdle()
    openings[2]!.give()
    expect(await waiting[1]).toBe(2)
  })

  it('are closed where nobody needed them for a while, and those that were needed stay', async () => {
    const pool = new SnapshotConnections(
      { open: () => ++given, close: (connection) => void closed.push(connection) },
      SNAPSHOT_WAIT_MS,
      [3],
      WAIT_MS,
    )
    closed = []
    given = 0
    await Promise.all([1, 2, 3].map(() => pool.acquire(undefined)))
    for (const each of [1, 2, 3]) pool.release(each)
    while (closed.length < 2) {
      pool.release(await pool.acquire(undefined))
      await inBetween()
    }
    expect(closed).toEqual([1, 2])
    expect(await pool.acquire(undefined)).toBe(3)
    await pool.close()
  })

  it('that are in use are closed when they are given back, once all are to be', async () => {
    const pool = connections(2)
    await acquired(pool, 2)
    pool.release(1)
    await pool.close()
    expect(closed).toEqual([1])
    pool.release(2)
    expect(closed).toEqual([1, 2])
  })
})
