/**
 * Some questions read much, so only a few of them are answered at once and the others wait for their turn: every other
 * question finds a snapshot free, and the process its time. Ledgers take turns, so a ledger that asks much waits behind those
 * that ask little, and the places of each are its own.
 *
 * `Reader` takes the turns: in one, nothing is waited for but rows.
 */
import type { LedgerName } from '../domain/ledger.js'
import { Overloaded } from '../overloaded.js'
import { waitFor } from '../waiting.js'

/** Answered at once. Together with the digests fewer than there are snapshots (`SNAPSHOTS_MAX`). */
export const WHOLE_METER_QUESTIONS_MAX = 2
export const LONG_READS_MAX = 2
/** Questions of one ledger that wait; what comes then is told to come later. */
export const WHOLE_METER_WAITING_MAX = 64
/** Most of these read little in the end, so many may wait. */
export const LONG_READS_WAITING_MAX = 1_000
/** Questions of all ledgers that wait for one kind of turn. */
export const TURNS_WAITING_MAX = 10_000

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
  private readonly waiting = new Map<LedgerName, Set<() => void>>()
  private waitingCount = 0

  protected constructor(private readonly limits: TurnLimits) {}

  /** Who is gone leaves, also before its turn. @throws Overloaded; what `signal` was aborted with. */
  async take<Result>(ledger: LedgerName, signal: AbortSignal, answer: () => Promise<Result>): Promise<Result> {
    if (this.running.length < this.limits.atOnceMax) this.running.push(ledger)
    else await this.wait(ledger, signal)
    try {
      signal.throwIfAborted()
      return await answer()
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
    await waitFor<void>(
      ({ resolve }) => {
        this.waiting.set(ledger, ofLedger.add(resolve))
        this.waitingCount++
        return () => {
          ofLedger.delete(resolve)
          if (ofLedger.size === 0) this.waiting.delete(ledger)
          this.waitingCount--
        }
      },
      { signal, limit: null },
    )
  }

  private beginNext(): void {
    const [ledger, ofLedger] = this.nextLedger() ?? []
    if (ledger === undefined || ofLedger === undefined) return
    this.running.push(ledger)
    const [begin] = ofLedger
    begin?.()
    // Behind the others.
    if (this.waiting.delete(ledger)) this.waiting.set(ledger, ofLedger)
  }

  /** The first one of which none is being answered, else the first. */
  private nextLedger(): [LedgerName, Set<() => void>] | undefined {
    for (const entry of this.waiting) if (!this.running.includes(entry[0])) return entry
    const [first] = this.waiting
    return first
  }
}

/** Questions about all customers of a meter. */
export class WholeMeterTurns extends ReadTurns {
  constructor() {
    super({
      atOnceMax: WHOLE_METER_QUESTIONS_MAX,
      waitingOfLedgerMax: WHOLE_METER_WAITING_MAX,
      refusal: 'Too many questions about whole meters are waiting in this ledger. Please try again in a moment.',
    })
  }
}

/** Questions that may read far for a short answer: filters that little matches, moments of the past, very many series. */
export class LongReadTurns extends ReadTurns {
  constructor() {
    super({
      atOnceMax: LONG_READS_MAX,
      waitingOfLedgerMax: LONG_READS_WAITING_MAX,
      refusal: 'Too many questions that read far are waiting in this ledger. Please try again in a moment.',
    })
  }
}
