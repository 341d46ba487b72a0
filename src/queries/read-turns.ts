/**
 * Some questions read much, so only a few of them are answered at once and the others wait for their turn: every other
 * question finds a snapshot free, and the process its time. Ledgers take turns, so a ledger that asks much waits behind those
 * that ask little, and the places of each are its own.
 *
 * `Reader` takes the turns: in one, nothing is waited for but rows. Where those cannot be had nobody waits for a turn to find
 * that out.
 */
import type { LedgerName } from '../domain/ledger.js'
import { Overloaded } from '../overloaded.js'
import { ReadModelBusy, ReadModelOutOfReach } from '../read-model/read-model.js'
import { waitFor, type Waiter } from '../waiting.js'

/** Answered at once. Together with the digests fewer than there are snapshots (`SNAPSHOTS_MAX`). */
export const WHOLE_METER_QUESTIONS_MAX = 2
export const LONG_READS_MAX = 2
/** Their rows, the objects made of them and the text of the answer are in memory together, up to some 60 MiB. */
export const LONG_PAGES_MAX = 1
/** Items of a page of events that is answered without waiting for a turn: however large they are, it is not. */
export const SHORT_PAGE_ITEMS_MAX = 10
/** Questions of one ledger that wait; what comes then is told to come later. */
export const WHOLE_METER_WAITING_MAX = 64
/** Most of these read little in the end, so many may wait. */
export const LONG_READS_WAITING_MAX = 1_000
export const LONG_PAGES_WAITING_MAX = 1_000
/** Questions of all ledgers that wait for one kind of turn. */
export const TURNS_WAITING_MAX = 10_000
/**
 * How long a question waits for its turn. All that may wait in a ledger get theirs where each takes some 50 ms, and many clients
 * and proxies wait for a minute for a turn and its answer together.
 */
export const TURN_WAIT_MS = 30_000
/** A question that found no way to the rows for so long, while no other found one, speaks for all that wait. */
const IN_VAIN_MS = 5_000

export interface TurnLimits {
  readonly atOnceMax: number
  readonly waitingOfLedgerMax: number
  /** Of what is beyond that. */
  readonly refusal: string
}

export abstract class ReadTurns {
  /** Of each question that is being answered. */
  private readonly running: LedgerName[] = []
  /** In the order they came. The ledger whose turn is the longest ago is the first; none is empty. */
  private readonly waiting = new Map<LedgerName, Set<Waiter<void>>>()
  private waitingCount = 0
  /** Questions that found their rows, whatever became of them. */
  private answered = 0

  protected constructor(
    private readonly limits: TurnLimits,
    private readonly waitMs = TURN_WAIT_MS,
  ) {}

  /**
   * Who is gone leaves, also before its turn.
   *
   * @throws Overloaded; ReadModelBusy where the turn did not come in time; what another question met that was answered in vain;
   * what `signal` was aborted with.
   */
  async take<Result>(ledger: LedgerName, signal: AbortSignal, answer: () => Promise<Result>): Promise<Result> {
    if (this.running.length < this.limits.atOnceMax) this.running.push(ledger)
    else await this.wait(ledger, signal)
    const since = performance.now()
    const { answered } = this
    try {
      signal.throwIfAborted()
      const result = await answer()
      this.answered++
      return result
    } catch (error) {
      if (isWithoutRows(error)) {
        const isInVain = this.answered === answered && performance.now() - since >= IN_VAIN_MS
        if (isInVain) this.refuseWaiting(error)
      } else if (!signal.aborted) this.answered++
      throw error
    } finally {
      this.running.splice(this.running.indexOf(ledger), 1)
      this.beginNext()
    }
  }

  private async wait(ledger: LedgerName, signal: AbortSignal): Promise<void> {
    const ofLedger = this.waiting.get(ledger) ?? new Set()
    if (ofLedger.size >= this.limits.waitingOfLedgerMax) throw new Overloaded(this.limits.refusal)
    if (this.waitingCount >= TURNS_WAITING_MAX) {
      throw new Overloaded('Too many questions of all ledgers are waiting. Please try again in a moment.')
    }
    const { waitMs: ms } = this
    const late = (): Error => new ReadModelBusy(`Other questions of its kind kept this one waiting for ${ms} ms.`)
    await waitFor<void>(
      (waiter) => {
        this.waiting.set(ledger, ofLedger.add(waiter))
        this.waitingCount++
        return () => {
          ofLedger.delete(waiter)
          if (ofLedger.size === 0) this.waiting.delete(ledger)
          this.waitingCount--
        }
      },
      { signal, limit: { ms, error: late } },
    )
  }

  private refuseWaiting(error: Error): void {
    const waiters = [...this.waiting.values()].flatMap((ofLedger) => [...ofLedger])
    for (const waiter of waiters) waiter.reject(error)
  }

  private beginNext(): void {
    const [ledger, ofLedger] = this.nextLedger() ?? []
    if (ledger === undefined || ofLedger === undefined) return
    this.running.push(ledger)
    const [next] = ofLedger
    next?.resolve()
    // Behind the others.
    if (this.waiting.delete(ledger)) this.waiting.set(ledger, ofLedger)
  }

  /** The first one of which none is being answered, else the first. */
  private nextLedger(): [LedgerName, Set<Waiter<void>>] | undefined {
    for (const entry of this.waiting) if (!this.running.includes(entry[0])) return entry
    const [first] = this.waiting
    return first
  }
}

/** Neither found rows nor was told anything of them. */
function isWithoutRows(error: unknown): error is Error {
  return error instanceof ReadModelOutOfReach || error instanceof ReadModelBusy
}

/** Questions about all customers of a meter. */
export class WholeMeterTurns extends ReadTurns {
  constructor(waitMs?: number) {
    super(
      {
        atOnceMax: WHOLE_METER_QUESTIONS_MAX,
        waitingOfLedgerMax: WHOLE_METER_WAITING_MAX,
        refusal: 'Too many questions about whole meters are waiting in this ledger. Please try again in a moment.',
      },
      waitMs,
    )
  }
}

/** Questions that may read far for a short answer: filters that little matches, moments of the past, very many series. */
export class LongReadTurns extends ReadTurns {
  constructor(waitMs?: number) {
    super(
      {
        atOnceMax: LONG_READS_MAX,
        waitingOfLedgerMax: LONG_READS_WAITING_MAX,
        refusal: 'Too many questions that read far are waiting in this ledger. Please try again in a moment.',
      },
      waitMs,
    )
  }
}

/** Lists of events, each of which may be large, by pages of more than `SHORT_PAGE_ITEMS_MAX`. */
export class LongPageTurns extends ReadTurns {
  constructor(waitMs?: number) {
    super(
      {
        atOnceMax: LONG_PAGES_MAX,
        waitingOfLedgerMax: LONG_PAGES_WAITING_MAX,
        refusal: 'Too many long pages of events are waiting in this ledger. Please try again in a moment.',
      },
      waitMs,
    )
  }
}
