/**
 * Who may append now: one append a stream at a time, in the order they came, and a bounded number over all streams.
 * Waiting is bounded too; whoever gives up has not begun.
 */
export type Turn = (() => void) | 'late' | 'closed'

interface Waiting {
  readonly stream: string
  readonly start: (turn: Turn) => void
}

export class Turns {
  private free: number
  private readonly busy = new Set<string>()
  /** Those whose stream is busy, by stream. */
  private readonly behind = new Map<string, Set<Waiting>>()
  /** Those whose stream is theirs and who only lack a place. */
  private readonly ready = new Set<Waiting>()
  private closed = false

  constructor(places: number) {
    this.free = places
  }

  /** @returns what ends the turn, or why there is none. */
  async take(stream: string, waitMsMax: number): Promise<Turn> {
    if (this.closed) return 'closed'
    if (!this.busy.has(stream) && this.free > 0) return this.begin(stream)
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.giveUp(waiting), waitMsMax)
      const waiting: Waiting = {
        stream,
        start: (turn) => {
          clearTimeout(timer)
          resolve(turn)
        },
      }
      if (this.busy.has(stream)) this.queueBehind(waiting)
      else {
        this.busy.add(stream)
        this.ready.add(waiting)
      }
    })
  }

  /** Those still waiting, and all who come later, get no turn. */
  close(): void {
    this.closed = true
    const waiting = [...this.ready, ...[...this.behind.values()].flatMap((set) => [...set])]
    this.ready.clear()
    this.behind.clear()
    for (const { start } of waiting) start('closed')
  }

  private begin(stream: string): () => void {
    this.busy.add(stream)
    this.free--
    return () => {
      this.free++
      this.passOn(stream)
      this.fill()
    }
  }

  /** The next of the stream, if there is one, now waits for a place. */
  private passOn(stream: string): void {
    this.busy.delete(stream)
    const set = this.behind.get(stream)
    const [next] = set ?? []
    if (set === undefined || next === undefined) return
    set.delete(next)
    if (set.size === 0) this.behind.delete(stream)
    this.busy.add(stream)
    this.ready.add(next)
  }

  private fill(): void {
    for (const waiting of this.ready) {
      if (this.free === 0) return
      this.ready.delete(waiting)
      waiting.start(this.begin(waiting.stream))
    }
  }

  private queueBehind(waiting: Waiting): void {
    const set = this.behind.get(waiting.stream)
    if (set === undefined) this.behind.set(waiting.stream, new Set([waiting]))
    else set.add(waiting)
  }

  private giveUp(waiting: Waiting): void {
    if (this.ready.delete(waiting)) this.passOn(waiting.stream)
    else {
      const set = this.behind.get(waiting.stream)
      set?.delete(waiting)
      if (set?.size === 0) this.behind.delete(waiting.stream)
    }
    waiting.start('late')
  }
}
