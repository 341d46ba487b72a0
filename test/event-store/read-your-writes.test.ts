import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it, jest } from '@jest/globals'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EmbeddedEventStore } from '../../src/event-store/embedded-event-store.js'
import type { EventStore, Position } from '../../src/event-store/event-store.js'
import {
  ReadModelBehind,
  ReadYourWrites,
  WAITING_READS_MAX,
  WAITING_READS_OF_LEDGER_MAX,
  type Asker,
} from '../../src/event-store/read-your-writes.js'

const at = (position: number) => String(position) as Position
const caughtUp = { position: null, sequence: 0, caughtUp: true, changedStreams: [], usageLedgers: [] }
const reached = (position: number) => ({
  position: at(position),
  sequence: position,
  caughtUp: false,
  changedStreams: [],
  usageLedgers: [],
})

describe('Reading your writes', () => {
  let folder: string
  let store: EventStore
  let reads: ReadYourWrites

  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'meterbook-'))
    store = new EmbeddedEventStore(join(folder, 'events.db'))
  })
  afterAll(async () => {
    await store.close()
    rmSync(folder, { recursive: true })
  })
  beforeEach(() => {
    reads = new ReadYourWrites(store, 60_000)
  })
  // Whatever still waits would keep its timer.
  afterEach(() => {
    jest.restoreAllMocks()
    reads.stop('the test ended')
  })

  /** Whether a promise is settled by now. */
  async function isSettled(promise: Promise<unknown>): Promise<boolean> {
    let settled = false
    const done = () => (settled = true)
    promise.then(done, done)
    await new Promise((resolve) => setImmediate(resolve))
    return settled
  }

  it('waits for the projections to have caught up once, and not again', async () => {
    const read = reads.settled()
    expect(await isSettled(read)).toBe(false)
    expect(reads.isReady).toBe(false)
    reads.advance(reached(5))
    expect(await isSettled(read)).toBe(false)
    reads.advance(caughtUp)
    await read
    expect(reads.isReady).toBe(true)
    await reads.settled()
  })

  it('knows how long something acknowledged has been missing, and whether anything came meanwhile', () => {
    const started = Math.ceil(performance.now())
    const clock = jest.spyOn(performance, 'now').mockReturnValue(started)
    const after = (ms: number) => clock.mockReturnValue(started + ms)
    const standing = () => [reads.behindMs, reads.standsStillMs]
    reads.advance(reached(5))
    reads.acknowledge(at(5))
    after(1_000)
    expect(standing()).toEqual([0, 0])
    reads.acknowledge(at(7))
    after(3_000)
    reads.acknowledge(at(9))
    expect(standing()).toEqual([2_000, 2_000])
    reads.advance(reached(6))
    after(4_000)
    expect(standing()).toEqual([3_000, 1_000])
    // From here on it is the next one that is missing.
    reads.advance(reached(7))
    after(6_000)
    expect(standing()).toEqual([2_000, 2_000])
    reads.advance(reached(9))
    after(9_000)
    expect(standing()).toEqual([0, 0])
  })

  it('says that somebody waits, once until there is progress, and again where that was not enough', async () => {
    let said = 0
    reads.onWaiting(() => said++)
    reads.advance(caughtUp)
    reads.acknowledge(at(10))
    const all = [reads.settled(), reads.settled()]
    await isSettled(all[0]!)
    expect(said).toBe(1)
    reads.advance(reached(9))
    expect(said).toBe(2)
    reads.advance(reached(10))
    await Promise.all(all)
    expect(said).toBe(2)
    await reads.settled()
    expect(said).toBe(2)
  })

  it('waits for everything that was acknowledged before it', async () => {
    reads.advance(caughtUp)
    reads.acknowledge(at(10))
    reads.acknowledge(at(9))
    const read = reads.settled()
    expect(await isSettled(read)).toBe(false)
    reads.acknowledge(at(100))
    reads.advance(reached(9))
    expect(await isSettled(read)).toBe(false)
    reads.advance(reached(10))
    await read
    expect(reads.position).toBe('10')
    expect(await isSettled(reads.settled())).toBe(false)
  })

  it('waits for the position a client asks for, or what was acknowledged, whichever is later', async () => {
    reads.advance(caughtUp)
    reads.acknowledge(at(10))
    const [earlier, later] = [reads.settled(at(3)), reads.settled(at(12))]
    reads.advance(reached(9))
    expect(await isSettled(earlier)).toBe(false)
    reads.advance(reached(10))
    await earlier
    expect(await isSettled(later)).toBe(false)
    reads.advance(reached(12))
    await later
  })

  describe('where the usage that this process wrote is known without the rows', () => {
    it('waits for meters that were changed, and for none of that usage', async () => {
      const atStart = reads.metersSettled(null)
      expect(await isSettled(atStart)).toBe(false)
      reads.advance(caughtUp)
      await atStart
      reads.acknowledge(at(7))
      await reads.metersSettled(null)
      reads.acknowledgeMeter(at(8))
      reads.acknowledge(at(9))
      const read = reads.metersSettled(null)
      reads.advance(reached(7))
      expect(await isSettled(read)).toBe(false)
      reads.advance(reached(8))
      await read
    })

    it('waits for a position that a client asks for, unless this process wrote all up to it', async () => {
      reads.advance(caughtUp)
      reads.advance(reached(1))
      const elsewhere = reads.metersSettled(at(5))
      expect(await isSettled(elsewhere)).toBe(false)
      reads.acknowledge(at(5))
      await reads.metersSettled(at(5))
      expect(await isSettled(reads.metersSettled(at(6)))).toBe(false)
      reads.advance(reached(5))
      await elsewhere
    })

    it('has a change of a meter count as any other write', async () => {
      reads.advance(caughtUp)
      reads.acknowledgeMeter(at(3))
      expect(reads.lastAcknowledged).toBe('3')
      expect(await isSettled(reads.settled())).toBe(false)
    })
  })

  it('compares positions as the store does, not as text', async () => {
    reads.advance(caughtUp)
    reads.acknowledge(at(9))
    reads.acknowledge(at(10))
    reads.advance(reached(9))
    expect(reads.has(at(10))).toBe(false)
    expect(await isSettled(reads.settled())).toBe(false)
  })

  it('never goes back', () => {
    reads.advance(reached(10))
    reads.advance(reached(9))
    reads.advance(caughtUp)
    expect([reads.position, reads.sequence]).toEqual(['10', 10])
    expect(reads.has(at(10))).toBe(true)
    expect(reads.has(at(11))).toBe(false)
  })

  it('does not wait where nothing was written', async () => {
    reads.advance(caughtUp)
    await reads.settled()
    expect(reads.has(at(1))).toBe(false)
  })

  it('says so after the limit, and then as before', async () => {
    const impatient = new ReadYourWrites(store, 1)
    await expect(impatient.settled()).rejects.toThrow('not up to date within 1 ms')
    impatient.advance(caughtUp)
    await expect(impatient.settled(at(5))).rejects.toBeInstanceOf(ReadModelBehind)
    impatient.advance(reached(5))
    await impatient.settled(at(5))
  })

  it('refuses every read that would wait once the projections stopped, and says where it is told why', async () => {
    const atStart = reads.started()
    reads.stop('an event it did not know')
    await expect(atStart).rejects.toThrow(/^The projections stopped, .* The log of the service says why\.$/)
    await expect(reads.settled()).rejects.toBeInstanceOf(ReadModelBehind)
    // What only follows from that is not the reason.
    reads.stop('the thread ended')
    expect(reads.stopped).toBe('an event it did not know')
  })

  it('ends the waiting of reads when the projections stop, and serves what is there already', async () => {
    reads.advance(caughtUp)
    reads.advance(reached(5))
    const waiting = reads.settled(at(6))
    reads.acknowledge(at(5))
    const refused = expect(waiting).rejects.toBeInstanceOf(ReadModelBehind)
    reads.stop('bad file')
    await refused
    await reads.settled()
    await expect(reads.settled(at(6))).rejects.toThrow('The projections stopped')
    expect(reads.isReady).toBe(false)
  })

  it('tells listeners of every step, also before the reads that waited for it', async () => {
    const told: unknown[] = []
    reads.onProgress((progress) => told.push(progress))
    reads.advance(caughtUp)
    const read = reads.settled(at(1)).then(() => told.push('read'))
    const progress = { ...reached(1), changedStreams: ['keys'] }
    reads.advance(progress)
    await read
    expect(told).toEqual([caughtUp, progress, 'read'])
  })

  it('has room for so many waiting reads, and refuses more at once', async () => {
    const starting = Array.from({ length: WAITING_READS_MAX }, () => reads.settled())
    await expect(reads.settled()).rejects.toThrow('Too many requests')
    reads.advance(caughtUp)
    await Promise.all(starting)
    const waiting = Array.from({ length: WAITING_READS_MAX }, () => reads.settled(at(1)))
    await expect(reads.settled(at(1))).rejects.toThrow('Too many requests')
    reads.advance(reached(1))
    await Promise.all(waiting)
    const again = reads.settled(at(2))
    reads.advance(reached(2))
    await again
  })

  it('keeps the places of one ledger from the others', async () => {
    reads.advance(caughtUp)
    const asker = (ledger: Asker['ledger']): Asker => ({ ledger, signal: new AbortController().signal })
    const read = (ledger: Asker['ledger']) => reads.settled(at(1), asker(ledger))
    const waiting = Array.from({ length: WAITING_READS_OF_LEDGER_MAX }, () => read('greedy~test'))
    await expect(read('greedy~test')).rejects.toThrow('Too many requests')
    waiting.push(read('other~test'))
    reads.advance(reached(1))
    await Promise.all(waiting)
    const again = reads.settled(at(2), asker('greedy~test'))
    reads.advance(reached(2))
    await again
  })

  it('does not wait for clients that are gone, nor keeps their places', async () => {
    const gone = new AbortController()
    const asker: Asker = { ledger: 'default~test', signal: gone.signal }
    const starting = reads.settled(null, asker)
    reads.advance(caughtUp)
    await starting
    const waiting = Promise.allSettled(
      Array.from({ length: WAITING_READS_OF_LEDGER_MAX }, () => reads.settled(at(1), asker)),
    )
    await isSettled(waiting)
    gone.abort(new Error('gone'))
    for (const each of await waiting) expect(each).toMatchObject({ reason: { message: 'gone' } })
    await expect(reads.settled(at(1), asker)).rejects.toThrow('gone')
    const staying = reads.settled(at(1), { ...asker, signal: new AbortController().signal })
    expect(await isSettled(staying)).toBe(false)
    reads.advance(reached(1))
    await staying
  })
})
