/**
 * Some questions read much, so only a few of them are answered at once and the others wait for their turn: every other
 * question finds a snapshot free, and the process its time. A ledger that asks much waits behind those that ask little.
 */
import type { LedgerName } from '../domain/ledger.js'
import { Overloaded } from '../overloaded.js'

/** Answered at once. Together with the digests fewer than there are snapshots (`SNAPSHOTS_MAX`). */
export const WHOLE_METER_QUESTIONS_MAX = 2
export const LONG_READS_MAX = 2
/** Questions that wait; what comes then is told to come later. */
export const WHOLE_METER_WAITING_MAX = 64
/** Most of these read little in the end, so many may wait. */
export const LONG_READS_WAITING_MAX = 1_000

interface Waiting {
  readonly ledger: LedgerName
  readonly begin: () => void
}

class ReadTurns {
  /** Of each question that is being answered. */
  private readonly running: LedgerName[] = []
  /** In the order they came. */
  private readonly waiting: Waiting[] = []

  protected constructor(
    private readonly atOnceMax: number,
    private readonly waitingMax: number,
    private readonly refusal: string,
  ) {}

  /** @throws Overloaded; what `signal` was aborted with, if that was before its turn. */
  async take<Result>(ledger: LedgerName, signal: AbortSignal, answer: () => Promise<Result>): Promise<Result> {
    if (this.running.length < this.atOnceMax) this.running.push(ledger)
    else {
      if (this.waiting.length >= this.waitingMax) throw new Overloaded(this.refusal)
      await new Promise<void>((begin) => this.waiting.push({ ledger, begin }))
    }
    try {
      signal.throwIfAborted()
      return await answer()
    } finally {
      this.running.splice(this.running.indexOf(ledger), 1)
      this.beginNext()
    }
  }

  /** The first one of a ledger of which none is being answered, else the first. */
  private beginNext(): void {
    const other = this.waiting.findIndex(({ ledger }) => !this.running.includes(ledger))
    const [next] = this.waiting.splice(Math.max(other, 0), 1)
    if (!next) return
    this.running.push(next.ledger)
    next.begin()
  }
}

/** Questions about all customers of a meter. */
export class WholeMeterTurns extends ReadTurns {
  constructor() {
    super(
      WHOLE_METER_QUESTIONS_MAX,
      WHOLE_METER_WAITING_MAX,
      'Too many questions about whole meters are waiting. Please try again in a moment.',
    )
  }
}

/** Questions that may read far for a short answer: filters that little matches, moments of the past, very many series. */
export class LongReadTurns extends ReadTurns {
  constructor() {
    super(
      LONG_READS_MAX,
      LONG_READS_WAITING_MAX,
      'Too many questions that read far are waiting. Please try again in a moment.',
    )
  }
}
