/** Connections for reads that anything may happen to: each opening hangs, succeeds or fails, and what must always hold is looked at. */
import fc from 'fast-check'
import { ReadModelBusy } from '../../src/read-model/read-model.js'
import { SnapshotConnections } from '../../src/read-model/snapshot-connections.js'

/** So short that everybody may be waited for until it is late. */
const WAIT_MS = 2

const kinds = [
  ...(['come', 'come', 'come', 'come', 'leave', 'release', 'release', 'discard', 'discardIdle'] as const),
  ...(['open', 'open', 'fail', 'hang', 'openAtOnce', 'failAtOnce', 'allLate'] as const),
]
export interface Step {
  readonly kind: (typeof kinds)[number]
  /** Of those there are. */
  readonly which: number
}
export const steps: fc.Arbitrary<Step[]> = fc.array(
  fc.record({ kind: fc.constantFrom(...kinds), which: fc.nat({ max: 11 }) }),
  { maxLength: 60, size: 'max' },
)

interface Asker {
  readonly use: number
  readonly leaving: AbortController
  isDue: boolean
  /** What it may wait on for; null before it is late. */
  until: readonly Opening[] | null
  /** Since it came one could not be opened, and there was none then. */
  hasFailed: boolean
  hadNone: boolean
}

interface Opening {
  readonly open: (connection: number) => void
  readonly fail: (error: Error) => void
}

const failure = new Error('there are no more')
const inBetween = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

export class WatchedConnections {
  /** What must not be. */
  readonly wrong: string[] = []
  private readonly pool: SnapshotConnections<number>
  private opened = 0
  private readonly open = new Set<number>()
  private readonly held = new Map<number, number>()
  private opening: Opening[] = []
  private readonly waiting = new Set<Asker>()
  private isOpened: 'later' | 'at once' | 'never' = 'later'

  constructor(
    private readonly most: readonly number[],
    unneededMs: number | null,
  ) {
    const maker = {
      open: () => this.beginOpening(),
      close: (connection: number) => this.require(this.open.delete(connection), 'One was closed twice.'),
    }
    this.pool = new SnapshotConnections(maker, WAIT_MS, most, unneededMs)
  }

  async take({ kind, which }: Step): Promise<void> {
    const asker = [...this.waiting][which % this.waiting.size]
    const connection = [...this.held.keys()][which % this.held.size]
    const opening = this.opening[which % this.opening.length]
    if (kind === 'come') this.come(which % this.most.length)
    else if (kind === 'leave') asker?.leaving.abort(new Error('gone'))
    else if (kind === 'release' || kind === 'discard') this.giveBack(kind, connection)
    else if (kind === 'discardIdle') this.pool.discardIdle()
    else if (kind === 'open' || kind === 'fail') this.endOpening(kind, opening)
    else if (kind === 'hang') this.isOpened = 'later'
    else if (kind === 'openAtOnce') this.isOpened = 'at once'
    else if (kind === 'failAtOnce') this.isOpened = 'never'
    else await this.allLate()
    await inBetween()
    this.look()
  }

  /** Whoever still waits is told, and nothing stays open. */
  async close(): Promise<void> {
    this.isOpened = 'never'
    await this.pool.close()
    for (let rounds = 1; this.held.size + this.opening.length + this.waiting.size > 0; rounds++) {
      // Each gives at least one an end.
      if (rounds > 200) return void this.wrong.push('It does not come to an end.')
      for (const connection of [...this.held.keys()]) this.giveBack('release', connection)
      await inBetween()
      if (this.held.size === 0) await this.allLate()
      this.look()
      this.endOpening('open', this.opening[0])
      await inBetween()
    }
    this.require(this.open.size === 0, 'One is open after all were closed.')
  }

  private come(use: number): void {
    const leaving = new AbortController()
    const asker: Asker = { use, leaving, isDue: false, until: null, hasFailed: false, hadNone: false }
    this.waiting.add(asker)
    // Of the same length as its wait, so one comes right before the end of that and one right after it.
    setTimeout(() => (asker.isDue = true), WAIT_MS)
    this.pool.acquire(leaving.signal, use).then(
      (connection) => {
        this.waiting.delete(asker)
        this.require(this.open.has(connection), 'One that is closed was given to somebody.')
        this.require(!this.held.has(connection), 'One was given to two.')
        this.held.set(connection, use)
      },
      (error: unknown) => {
        this.waiting.delete(asker)
        this.require(this.mayBeTold(asker, error), `Somebody was told too early: ${String(error)}`)
      },
    )
    setTimeout(() => {
      asker.until = this.mayUse(use, this.open.size + this.opening.length) ? [...this.opening] : []
    }, WAIT_MS)
  }

  private mayBeTold({ leaving, isDue, hasFailed, hadNone }: Asker, error: unknown): boolean {
    if (error instanceof ReadModelBusy) return isDue
    return error === failure ? hasFailed && (isDue || hadNone) : leaving.signal.aborted
  }

  private giveBack(how: 'release' | 'discard', connection: number | undefined): void {
    if (connection === undefined) return
    this.held.delete(connection)
    this.pool[how](connection)
  }

  private beginOpening(): number | Promise<number> {
    const most = this.most.reduce((total, each) => total + each)
    this.require(this.open.size + this.opening.length < most, 'More are opened than there may be.')
    if (this.isOpened === 'at once') return this.next()
    if (this.isOpened === 'never') throw this.failed()
    return new Promise((open, fail) => this.opening.push({ open, fail }))
  }

  private endOpening(how: 'open' | 'fail', opening: Opening | undefined): void {
    if (!opening) return
    this.opening = this.opening.filter((each) => each !== opening)
    if (how === 'open') opening.open(this.next())
    else opening.fail(this.failed())
  }

  private next(): number {
    this.open.add(++this.opened)
    return this.opened
  }

  private failed(): Error {
    for (const asker of this.waiting) {
      asker.hasFailed = true
      asker.hadNone ||= this.open.size === 0
    }
    return failure
  }

  private async allLate(): Promise<void> {
    const before = [...this.waiting]
    await new Promise((resolve) => setTimeout(resolve, WAIT_MS))
    for (const { until } of before) this.require(until !== null, 'The times do not come one after the other.')
  }

  private usedFor(use: number): number {
    return [...this.held.values()].filter((its) => its === use).length
  }

  /** Each use leaves the others one, as soon as there are several. */
  private mayUse(use: number, there: number): boolean {
    return this.usedFor(use) < Math.min(this.most[use]!, Math.max(1, there - (this.most.length - 1)))
  }

  private look(): void {
    const isIdle = this.open.size > this.held.size
    for (const [use, most] of this.most.entries())
      this.require(this.usedFor(use) <= most, 'A use has more than it may have.')
    for (const { use, until } of this.waiting) {
      this.require(!isIdle || !this.mayUse(use, this.open.size), 'Somebody waits though one is idle that he may have.')
      this.require(this.open.size + this.opening.length > 0, 'Somebody waits for nothing.')
      const mayWait = until === null || until.some((each) => this.opening.includes(each))
      this.require(mayWait, 'Somebody was not told in time.')
    }
  }

  private require(holds: boolean, what: string): void {
    if (!holds) this.wrong.push(what)
  }
}
