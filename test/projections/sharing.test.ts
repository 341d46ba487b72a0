/** Several projectors that share a read model: one folds, the others wait for it, and one takes over where it is gone. */
import { afterAll, beforeAll, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { EventEmitter, once } from 'node:events'
import { EmbeddedEventStore } from '../../src/event-store/embedded-event-store.js'
import type { EventStore, Position, RecordedEvent } from '../../src/event-store/event-store.js'
import { categories } from '../../src/event-store/streams.js'
import { allProjections } from '../../src/projections/projections.js'
import { Projector } from '../../src/projections/projector.js'
import type { RebuildState } from '../../src/projections/rebuilding.js'
import { stateOf } from '../../src/projections/shared-rebuild.js'
import { EmbeddedReadModel } from '../../src/read-model/embedded-read-model.js'
import { PostgresReadModel } from '../../src/read-model/postgres-read-model.js'
import { ReadModelUnavailable, ReadModelUnusable, type Checkpoint } from '../../src/read-model/read-model.js'
import { usageStreams } from '../../src/read-model/tables.js'
import { PostgresServer } from '../postgres-server.js'
import { histories, withoutRepeats, writeLog, type Entry } from './history.js'
import { bySeven, dump, project, recut, withSchema, Workspace } from './projecting.js'

let postgres: PostgresServer
let workspace: Workspace
beforeAll(async () => {
  workspace = new Workspace()
  postgres = await PostgresServer.start()
})
afterAll(async () => {
  workspace.remove()
  await postgres.stop()
})

const ignore = (): void => undefined

const IDLE_LEADER_MS = 1_500

/** A way to the log that gives an event at a time, and each when the test says. */
class Gate extends EventEmitter {
  private asked = 0
  private passed = 0

  async *through(pages: AsyncIterable<readonly RecordedEvent[]>): AsyncIterable<readonly RecordedEvent[]> {
    for await (const page of pages) {
      for (const event of page) {
        this.asked++
        this.emit('change')
        while (this.passed < this.asked) await once(this, 'change')
        yield [event]
      }
    }
  }

  async reached(asked: number): Promise<void> {
    while (this.asked < asked) await once(this, 'change')
  }

  pass(count: number): void {
    this.passed = count
    this.emit('change')
  }

  open(): void {
    this.pass(Infinity)
  }
}

/** With its own way to the log and to the rows, as a process has. */
class Sharer extends EventEmitter {
  readonly rebuilds: RebuildState[] = []
  readonly told: string[] = []
  private readonly stopping = new AbortController()
  private readonly store: EventStore
  private position: Position | null = null
  private over: Promise<Error | null> = Promise.resolve(null)

  constructor(
    logFile: string,
    readonly rows: PostgresReadModel,
  ) {
    super()
    this.store = new EmbeddedEventStore(logFile)
  }

  readAllThrough(gate: Gate): void {
    const { store } = this
    const readAll = store.readAll.bind(store)
    store.readAll = (options) => gate.through(readAll(options))
  }

  async start(projections = allProjections(ignore), mayFollow = true): Promise<void> {
    const projector = new Projector(
      recut(this.store, bySeven),
      this.rows,
      projections,
      ({ position }) => this.tell(() => (this.position = position)),
      (message) => this.tell(() => this.told.push(message)),
      () => allProjections(ignore),
      (state) => this.tell(() => this.rebuilds.push(state)),
      {
        gathering: { gatherEvents: 0, gatherMs: 0, steadyMs: 0 },
        otherTablesWaitMs: 500,
        idleLeaderMs: IDLE_LEADER_MS,
        mayFollow,
      },
    )
    await projector.prepare()
    this.rebuild = (request) => projector.rebuild(request)
    this.over = projector.run(this.stopping.signal).then(
      () => null,
      (error: Error) => error,
    )
    void this.over.then(() => this.emit('change'))
  }

  rebuild: Projector['rebuild'] = ignore

  private tell(change: () => void): void {
    change()
    this.emit('change')
  }

  /** What it has said to be in the rows is there. */
  async until(wanted: (sharer: Sharer) => boolean): Promise<void> {
    while (!wanted(this)) await once(this, 'change')
  }

  async reached(position: Position): Promise<void> {
    await this.until(() => this.position !== null && this.store.comparePositions(this.position, position) >= 0)
    const checkpoint = await this.checkpoint()
    expect(this.store.comparePositions(checkpoint.position as Position, position)).toBeGreaterThanOrEqual(0)
  }

  /** A read may still meet a session that is being ended; it may be made again. */
  private async checkpoint(): Promise<Checkpoint> {
    for (;;) {
      try {
        return await this.rows.checkpoint('usage-cells')
      } catch (error) {
        if (!(error instanceof ReadModelUnusable) || !error.isPassing) throw error
      }
    }
  }

  /** What stopped it; null where it was only told to stop. */
  async stop(): Promise<Error | null> {
    this.stopping.abort()
    const failure = await this.over
    await this.rows.close()
    await this.store.close()
    return failure
  }

  get stopped(): Promise<Error | null> {
    return this.over
  }
}

async function lastOf(store: EventStore): Promise<Position> {
  let last: Position | null = null
  for await (const page of store.readAll({ after: null, categories: Object.values(categories) })) {
    last = page.at(-1)?.position ?? last
  }
  return last as Position
}

/** As a server that is restarted does, or a network between. */
async function endSessions(url: string): Promise<void> {
  const database = new URL(url).pathname.slice(1)
  await postgres.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${database}'`)
}

it('Rows are folded once, whoever ends and whichever session is lost in between', () =>
  fc.assert(
    fc.asyncProperty(
      histories(80).map(withoutRepeats),
      fc.array(fc.constantFrom('one ends', 'one starts', 'sessions are lost', 'nothing'), {
        minLength: 3,
        maxLength: 6,
      }),
      async (entries, happenings) => {
        const logFile = workspace.file('events.db')
        const url = await postgres.newDatabase()
        const store = new EmbeddedEventStore(logFile)
        const revisions = new Map<string, number>()
        const sharers: Sharer[] = []
        const join = async (): Promise<void> => {
          const sharer = new Sharer(logFile, new PostgresReadModel(url))
          sharers.push(sharer)
          await sharer.start()
        }
        try {
          for (let many = 0; many < 3; many++) await join()
          const size = Math.ceil(entries.length / happenings.length)
          for (const [index, happening] of happenings.entries()) {
            const writing = writeLog(store, entries.slice(index * size, (index + 1) * size), revisions)
            if (happening === 'one ends' && sharers.length > 1) expect(await sharers.shift()?.stop()).toBeNull()
            if (happening === 'one starts') await join()
            if (happening === 'sessions are lost') await endSessions(url)
            await writing
            const last = await lastOf(store)
            if (last !== null) await Promise.all(sharers.map((sharer) => sharer.reached(last)))
          }
          const alone = new EmbeddedReadModel(workspace.file('read-model.db'))
          await project(store, alone)
          expect(await dump(sharers[0]!.rows)).toEqual(await dump(alone))
          await alone.close()
        } finally {
          for (const sharer of sharers) expect(await sharer.stop()).toBeNull()
          await store.close()
        }
      },
    ),
    { numRuns: 6 },
  ))

async function sharing(use: (join: () => Sharer, store: EventStore, url: string) => Promise<void>): Promise<void> {
  const logFile = workspace.file('events.db')
  const url = await postgres.newDatabase()
  const store = new EmbeddedEventStore(logFile)
  const sharers: Sharer[] = []
  try {
    const [history] = fc.sample(
      histories(60)
        .map(withoutRepeats)
        .filter(({ length }) => length > 30),
      { numRuns: 1, seed: 7 },
    )
    await writeLog(store, history!)
    await use(() => {
      const sharer = new Sharer(logFile, new PostgresReadModel(url))
      sharers.push(sharer)
      return sharer
    }, store, url) // prettier-ignore
  } finally {
    for (const sharer of sharers) await sharer.stop()
    await store.close()
  }
}

/** The rows are made, and nobody writes them any more. */
async function foldOnce(join: () => Sharer, store: EventStore): Promise<void> {
  const first = join()
  await first.start()
  await first.reached(await lastOf(store))
  await first.stop()
}

/** One that follows, and the rows of the process that writes, by which the test says and does what that process would. */
async function followOne(
  join: () => Sharer,
  store: EventStore,
  url: string,
): Promise<{ writing: PostgresReadModel; following: Sharer }> {
  await foldOnce(join, store)
  const writing = new PostgresReadModel(url)
  await writing.lead()
  const following = join()
  await following.start()
  return { writing, following }
}

async function startTwo(join: () => Sharer, store: EventStore): Promise<[writing: Sharer, following: Sharer]> {
  const [writing, following] = [join(), join()]
  for (const each of [writing, following]) {
    await each.start()
    await each.reached(await lastOf(store))
  }
  return [writing, following]
}

const isCompleted = ({ rebuilds }: Sharer): boolean => rebuilds.at(-1)?.status === 'completed'

it('A rebuild is done by the one that writes, whichever is asked, and all tell of it', () =>
  sharing(async (join, store) => {
    const [writing, following] = await startTwo(join, store)
    following.rebuild({ projections: ['meters'], keep: false })
    await Promise.all([writing, following].map((each) => each.until(isCompleted)))
    expect(following.rebuilds.at(-1)).toEqual(writing.rebuilds.at(-1))
    expect(writing.rebuilds.at(-1)).toMatchObject({ projections: ['meters'], differenceCount: 0 })
    expect([...writing.told, ...following.told]).toEqual([])

    const later = join()
    await later.start()
    // What was over before it began is not told as if it were new.
    later.rebuild({ projections: ['usage-cells'], keep: false })
    await later.until(isCompleted)
    expect(later.rebuilds.map(({ projections }) => projections)).not.toContainEqual(['meters'])
  }))

it('A rebuild goes on in the one that takes over, without an event that says so', () =>
  sharing(async (join, store) => {
    const [writing, following] = await startTwo(join, store)
    following.rebuild({ projections: [], keep: false })
    await writing.until(({ rebuilds }) => rebuilds.length > 0)
    expect(isCompleted(writing)).toBe(false)
    await writing.stop()
    await following.until(isCompleted)
    expect(following.told).toContain('The service that wrote the read model is gone; this one writes it from now on.')
    expect(following.rebuilds.at(-1)).toMatchObject({ differenceCount: 0, failure: null })
    expect(following.rebuilds.map(({ status }) => status)).not.toContain('failed')
  }))

it('A rebuild whose last answer was lost is told as what became of it', () =>
  sharing(async (join, store, url) => {
    const [writing, following] = await startTwo(join, store)
    const { rows } = writing
    const switchBuild = rows.switchBuild.bind(rows)
    rows.switchBuild = async (state) => {
      await switchBuild(state)
      await endSessions(url)
      throw new ReadModelUnavailable('the connection was lost')
    }
    writing.rebuild({ projections: [], keep: false })
    await Promise.all([writing, following].map((each) => each.until(isCompleted)))
    expect([...writing.rebuilds, ...following.rebuilds].map(({ status }) => status)).not.toContain('failed')
  }))

it('One rebuild is done at a time, and one that was lost before it was under way is done by whoever takes over', () =>
  sharing(async (join, store, url) => {
    await foldOnce(join, store)

    const lost = new PostgresReadModel(url)
    await lost.lead()
    const board = lost.rebuildBoard
    for (const again of [1, 2])
      expect([again, await board.ask(JSON.stringify({ projections: ['meters'], keep: false }))]).toEqual([again, true])
    expect(await board.ask('another')).toBe(false)
    const following = join()
    const starting = following.start()
    await board.take(JSON.stringify({ projections: ['meters'], status: 'building', keep: true }))
    expect(await board.ask('another')).toBe(false)
    await starting
    following.rebuild({ projections: ['usage-cells'], keep: false })
    await following.until(({ rebuilds }) => rebuilds.some(({ status }) => status === 'failed'))
    expect(following.rebuilds.find(({ status }) => status === 'failed')).toMatchObject({
      projections: ['usage-cells'],
      failure: 'Another rebuild runs or was asked for already. Begin this one when it is done.',
      outcome: 'refused',
    })
    await lost.close()
    await following.until(isCompleted)
    expect(following.rebuilds.at(-1)).toMatchObject({ projections: ['meters'], differenceCount: 0 })
    expect(await following.rows.keptTables()).toEqual([expect.stringMatching(/^meterbook\.meters_|^meters_/)])
    following.rebuild({ projections: ['usage-cells'], keep: false })
    await following.until(
      ({ rebuilds }) => rebuilds.at(-1)?.projections[0] === 'usage-cells' && rebuilds.at(-1)?.status === 'completed',
    )
  }))

it('Of two rebuilds that are asked of two at the same time each is done or refused, and told so where it was asked', () =>
  sharing(async (join, store) => {
    const [writing, following] = await startTwo(join, store)
    for (const [first, second] of [
      [writing, following],
      [following, writing],
    ] as const) {
      const asked = [first, second].map((sharer, index) => {
        const projections = [index === 0 ? 'meters' : 'usage-cells']
        const before = sharer.rebuilds.length
        sharer.rebuild({ projections, keep: false })
        return sharer.until(({ rebuilds }) =>
          rebuilds
            .slice(before)
            .some((state) => state.projections[0] === projections[0] && /completed|failed/.test(state.status)),
        )
      })
      await Promise.all(asked)
      const failures = [first, second].flatMap(({ rebuilds }) => rebuilds.map(({ failure }) => failure))
      expect(failures.filter((failure) => failure !== null && !failure.startsWith('Another rebuild runs'))).toEqual([])
    }
  }))

it('One whose place another one took before its end was seen is not told as that one', () =>
  sharing(async (join, store, url) => {
    const { writing, following } = await followOne(join, store, url)
    following.rebuild({ projections: ['meters'], keep: false })
    await following.until(({ rebuilds }) => rebuilds.length > 0)
    const [{ id }] = following.rebuilds as [RebuildState]
    expect(JSON.parse((await writing.rebuildBoard.look()).request ?? '')).toMatchObject({ id })
    // Between two looks of the one that follows.
    await writing.rebuildBoard.take(JSON.stringify(stateOf({ projections: ['meters'], keep: false, id: 'another' })))
    await following.until(({ rebuilds }) => rebuilds.at(-1)?.id === 'another')
    expect(following.rebuilds.map((state) => [state.id, state.status, state.outcome])).toEqual([
      [id, 'building', undefined],
      [id, 'failed', 'unseen'],
      ['another', 'building', undefined],
    ])
    await writing.close()
  }))

it('One that is gone on with is told as what was asked for, though who goes on with it does not know whose it is', () =>
  sharing(async (join, store, url) => {
    const { writing, following } = await followOne(join, store, url)
    following.rebuild({ projections: ['meters'], keep: false })
    await following.until(({ rebuilds }) => rebuilds.length > 0)
    const resumed = stateOf({ projections: ['meters'], keep: false })
    await writing.rebuildBoard.take(JSON.stringify(resumed))
    await writing.rebuildBoard.tell(JSON.stringify({ ...resumed, status: 'completed' }), false)
    await following.until(isCompleted)
    const [first] = following.rebuilds
    expect(new Set(following.rebuilds.map(({ id }) => id))).toEqual(new Set([first?.id]))
    expect(first?.id).toEqual(expect.any(String))
    await writing.close()
  }))

it('A rebuild that fails as the one before did is told as failed, too', () =>
  sharing(async (join, store, url) => {
    const { writing, following } = await followOne(join, store, url)
    const failed = JSON.stringify({ projections: ['meters'], status: 'failed' })
    for (const wanted of [1, 2]) {
      following.rebuild({ projections: ['meters'], keep: false })
      while ((await writing.rebuildBoard.look()).request === null);
      // Between two looks of the one that follows.
      await writing.rebuildBoard.take(failed)
      await following.until(({ rebuilds }) => rebuilds.filter(({ status }) => status === 'failed').length === wanted)
      await writing.rebuildBoard.tell(failed, false)
    }
    await writing.close()
  }))

it('A rebuild waits for the end of one of an earlier version, which has no place for requests', () =>
  sharing(async (join, store, url) => {
    await foldOnce(join, store)
    const earlier = new PostgresReadModel(url)
    await earlier.lead()
    await postgres.query('DROP TABLE meterbook.rebuild', new URL(url).pathname.slice(1))
    const following = join()
    await following.start()
    // It looks from its start on, and says once what it finds.
    await following.until(({ told }) => told.length > 0)
    following.rebuild({ projections: ['meters'], keep: false })
    await following.until(({ rebuilds }) => rebuilds.at(-1)?.waitingReason?.includes('of an earlier version') === true)
    expect(following.told).toEqual([expect.stringContaining('is of an earlier version')])
    // Nothing else has to happen for it to be begun.
    await earlier.close()
    await following.until(isCompleted)
  }))

it('A rebuild that one of an earlier version leaves waiting, though there is a place for it, says so until it is begun', () =>
  sharing(async (join, store, url) => {
    await foldOnce(join, store)
    const earlier = new PostgresReadModel(url)
    await earlier.lead()
    const [following, other] = [join(), join()]
    for (const each of [following, other]) await each.start()
    following.rebuild({ projections: ['meters'], keep: false })
    for (const each of [following, other]) {
      const waits = each.until(({ rebuilds }) => rebuilds.at(-1)?.waitingReason?.includes('has not taken it') === true)
      let isTold = false
      void waits.then(() => (isTold = true))
      // It works on.
      while (!isTold) await earlier.builds()
    }
    // As often as it is looked for, it is told once.
    expect(following.rebuilds.map(({ waitingReason }) => waitingReason !== null)).toEqual([false, true])
    await earlier.close()
    await following.until(isCompleted)
    expect(following.rebuilds.at(-1)).toMatchObject({ projections: ['meters'], waitingReason: null })
    expect([...following.told, ...other.told]).not.toContainEqual(expect.stringMatching(/tried again/))
  }))

it('One that stands still with the lead loses it once there is something to be done, and can write nothing more', () =>
  sharing(async (join, store, url) => {
    await foldOnce(join, store)

    const stopped = new PostgresReadModel(url)
    await stopped.lead()
    let wakeUp: () => void = ignore
    const begun = new EventEmitter()
    const writing = stopped.write(async (rows) => {
      await rows.put(usageStreams, [{ stream: 'usage-never~test.0', revision: 7 }])
      begun.emit('written')
      await new Promise<void>((resolve) => (wakeUp = resolve))
    })
    await once(begun, 'written')
    const following = join()
    await following.start()
    await writeLog(store, [{ stream: 'meters-other~test', event: { type: 'LedgerOpened', data: { usagePartitions: 1, at: 0 } }, idempotency: null }]) // prettier-ignore
    await following.reached(await lastOf(store))
    expect(following.told).toContainEqual(expect.stringMatching(/^The service that writes the read model is stopped/))
    wakeUp()
    await expect(writing).rejects.toThrow(ReadModelUnavailable)
    expect(await stopped.lead()).toBe('following')
    expect(await following.rows.get(usageStreams, [['usage-never~test.0']])).toEqual([undefined])
    await stopped.close()
  }))

it('One that gave a sign after others began to wait loses the lead as soon after its last sign as any', () =>
  sharing(async (join, store, url) => {
    await foldOnce(join, store)
    const following = join()
    const stopped = new PostgresReadModel(url)
    await stopped.lead()
    await following.start()
    const begun = new EventEmitter()
    let wakeUp: () => void = ignore
    const writing = stopped.write(async (rows) => {
      begun.emit('begun')
      const since = performance.now()
      while (performance.now() - since < IDLE_LEADER_MS / 3) await rows.checkpoint('meters')
      await new Promise<void>((resolve) => (wakeUp = resolve))
    })
    await once(begun, 'begun')
    await writeLog(store, [{ stream: 'meters-other~test', event: { type: 'LedgerOpened', data: { usagePartitions: 1, at: 0 } }, idempotency: null }]) // prettier-ignore
    await following.reached(await lastOf(store))
    // Which is told where twice that time was not enough.
    expect(following.told).not.toContainEqual(expect.stringMatching(/^Waiting for another service/))
    wakeUp()
    await expect(writing).rejects.toThrow(ReadModelUnavailable)
    await stopped.close()
  }))

it('One that stands still with a rebuild loses the lead, and the rebuild goes on in another', () =>
  sharing(async (join, store, url) => {
    await foldOnce(join, store)
    const stopped = new PostgresReadModel(url)
    await stopped.lead()
    const following = join()
    await following.start()
    following.rebuild({ projections: [], keep: false })
    await following.until(isCompleted)
    expect(await stopped.lead()).toBe('following')
    await stopped.close()
  }))

it('One that rebuilds from a slow log folds what comes in meanwhile, and keeps the lead', () =>
  sharing(async (join, store) => {
    const [writing, following] = await startTwo(join, store)
    const gate = new Gate()
    writing.readAllThrough(gate)
    writing.rebuild({ projections: [], keep: false })
    for (let page = 1; page <= 2; page++) {
      await gate.reached(page)
      const [name, before] = [`other${page}`, writing.rebuilds.length]
      await writeLog(store, [{ stream: `meters-${name}~test`, event: { type: 'LedgerOpened', data: { usagePartitions: 1, at: 0 } }, idempotency: null }]) // prettier-ignore
      const last = await lastOf(store)
      await Promise.all([writing, following].map((each) => each.reached(last)))
      gate.pass(page)
      // What came is written, though there is more to come.
      await writing.until(({ rebuilds }) => rebuilds.length > before)
      expect(writing.rebuilds.at(-1)).toMatchObject({ status: 'building' })
    }
    gate.open()
    await Promise.all([writing, following].map((each) => each.until(isCompleted)))
    expect(writing.rebuilds.at(-1)).toMatchObject({ differenceCount: 0, failure: null })
    expect([...writing.told, ...following.told]).toEqual([])
  }))

it('One whose rows were taken back to an earlier moment stops, because it has answered from later ones', () =>
  sharing(async (join, store, url) => {
    const writing = join()
    await writing.start()
    await writing.reached(await lastOf(store))
    const [first] = await firstOf(store)
    const database = new URL(url).pathname.slice(1)
    await postgres.query(`UPDATE meterbook.projections SET position = '${first}'`, database)
    await endSessions(url)
    await writeLog(store, [{ stream: 'meters-other~test', event: { type: 'LedgerOpened', data: { usagePartitions: 1, at: 0 } }, idempotency: null }]) // prettier-ignore
    expect((await writing.stopped)?.message).toMatch(/^The rows of meters were taken back to an earlier moment/)
  }))

async function firstOf(store: EventStore): Promise<Position[]> {
  for await (const page of store.readAll({ after: null, categories: Object.values(categories) })) {
    return page.map(({ position }) => position)
  }
  return []
}

it('One of another version stops where the one that writes makes other tables', () =>
  sharing(async (join, store) => {
    const [older, newer] = [join(), join()]
    await older.start()
    await older.reached(await lastOf(store))
    await older.stop()
    await newer.start(allProjections(ignore).map((each) => (each.projection === 'usage-marks' ? withSchema(each, each.schema + 1) : each))) // prettier-ignore
    const again = join()
    await expect(again.start()).rejects.toThrow('Another service of another version writes the read model')
  }))

it('One on another log stops, also where there were no rows yet when it began', () =>
  sharing(async (join, store, url) => {
    const first = join()
    await first.start()
    await first.reached(await lastOf(store))
    const otherLog = workspace.file('events.db')
    const other = new EmbeddedEventStore(otherLog)
    const withRows = new Sharer(otherLog, new PostgresReadModel(url))
    await expect(withRows.start(undefined, false)).rejects.toThrow(
      'Another service writes this read model, and this one',
    )
    await expect(withRows.start()).rejects.toThrow(
      'The event log does not have the event that the read model was made up to',
    )
    await withRows.stop()

    const fresh = await postgres.newDatabase()
    const emptyLog = workspace.file('events.db')
    const empty = new EmbeddedEventStore(emptyLog)
    const [writing, following] = [emptyLog, otherLog].map((log) => new Sharer(log, new PostgresReadModel(fresh)))
    await writing!.start()
    await following!.start()
    const opened = (at: number): Entry => ({ stream: 'meters-other~test', event: { type: 'LedgerOpened', data: { usagePartitions: 1, at } }, idempotency: null }) // prettier-ignore
    await writeLog(empty, [opened(1)])
    await writing!.reached(await lastOf(empty))
    await writeLog(other, [opened(2)])
    expect((await following!.stopped)?.message).toMatch(
      'The event log does not have the event that the read model was made up to',
    )
    await writing!.stop()
    await following!.stop()
    await empty.close()
    await other.close()
  }))
