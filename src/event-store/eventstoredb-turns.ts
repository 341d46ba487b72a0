/**
 * Who may append now: one append a stream at a time, in the order they came, and over all streams a bounded number of
 * appends and of bytes (an append too large for that goes alone). Waiting is bounded too; whoever gives up has not
 * begun.
 */
export type Turn = (() => void) | 'late' | 'closed'

interface Waiting {
  readonly stream: string
  readonly bytes: number
  readonly start: (turn: Turn) => void
}

export interface TurnLimits {
  readonly appendsMax: number
  readonly bytesMax: number
  readonly waitMsMax: number
}

export class Turns {
  private appends = 0
  private bytes = 0
  private readonly busy = new Set<string>()
  /** Those whose stream is busy, by stream. */
  private readonly behind = new Map<string, Set<Waiting>>()
  /** Those whose stream is theirs and who only lack room. */
  private readonly ready = new Set<Waiting>()
  private closed = false

  constructor(private readonly limits: TurnLimits) {}

  /** @returns what ends the turn, or why there is none. */
  async take(stream: string, bytes: number): Promise<Turn> {
    if (this.closed) return 'closed'
    if (!this.busy.has(stream) && this.ready.size === 0 && this.hasRoom(bytes)) return this.begin(stream, bytes)
    return new Promise((resolve) => {
      const timer = setTimeout(() => this.giveUp(waiting), this.limits.waitMsMax)
      const start = (turn: Turn) => {
        clearTimeout(timer)
        resolve(turn)
      }
      const waiting: Waiting = { stream, bytes, start }
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

  private hasRoom(bytes: number): boolean {
    const { appendsMax, bytesMax } = this.limits
    return this.appends === 0 || (this.appends < appendsMax && this.bytes + bytes <= bytesMax)
  }

  private begin(stream: string, bytes: number): () => void {
    this.busy.add(stream)
    this.appends++
    this.bytes += bytes
    return () => {
      this.appends--
      this.bytes -= bytes
      this.passOn(stream)
      this.fill()
    }
  }

  /** The next of the stream, if there is one, now only waits for room. */
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
      // In their order: a large one is not passed by small ones for ever.
      if (!this.hasRoom(waiting.bytes)) return
      this.ready.delete(waiting)
      waiting.start(this.begin(waiting.stream, waiting.bytes))
    }
  }

  private queueBehind(waiting: Waiting): void {
    const set = this.behind.get(waiting.stream)
    if (set === undefined) this.behind.set(waiting.stream, new Set([waiting]))
    else set.add(waiting)
  }

  private giveUp(waiting: Waiting): void {
    if (this.ready.delete(waiting)) {
      this.passOn(waiting.stream)
      // It may have been a large one that held up the others.
      this.fill()
    } else {
      const set = this.behind.get(waiting.stream)
      set?.delete(waiting)
      if (set?.size === 0) this.behind.delete(waiting.stream)
    }
    waiting.start('late')
  }
}
