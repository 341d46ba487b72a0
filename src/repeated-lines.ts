/**
 * Lines of the log that say the same again and again: while a disk is full each request that is refused says so, hundreds of
 * times a second and perhaps on that very disk. The first ones of a minute are written, the others counted.
 */

/** Of one message in one interval. */
export const SAME_LINES_MAX = 10
export const SAME_LINES_INTERVAL_MS = 60_000
/** Messages that are told apart; the code has fewer, but some say a reason. */
const MESSAGES_MAX = 1_000

type Line = readonly [fields: object, message: string]
type Write = (fields: object, message: string) => void

interface Said {
  readonly since: number
  lines: number
  /** What was left out last, and how to write it; null: nothing was. */
  left: { readonly fields: object; readonly write: Write; count: number } | null
}

export class RepeatedLines {
  private readonly said = new Map<string, Said>()
  private timer: NodeJS.Timeout | null = null

  constructor(private readonly now: () => number = () => performance.now()) {}

  /** Writes the line, or counts it. */
  line([fields, message]: Line, write: Write): void {
    const said = this.ofThisInterval(message)
    if (!said || ++said.lines <= SAME_LINES_MAX) return write(fields, message)
    said.left = { fields, write, count: (said.left?.count ?? 0) + 1 }
    this.timer ??= setTimeout(() => this.tell(), SAME_LINES_INTERVAL_MS).unref()
  }

  /** Says how many lines were left out, each with the last of them. */
  tell(): void {
    if (this.timer) clearTimeout(this.timer)
    this.timer = null
    for (const [message, { left, since }] of this.said) {
      if (!left) continue
      const leftOut = { leftOut: left.count, inSeconds: Math.round((this.now() - since) / 1000) }
      left.write({ ...left.fields, ...leftOut }, message)
    }
    this.said.clear()
  }

  /** null where there are too many to tell apart. */
  private ofThisInterval(message: string): Said | null {
    const now = this.now()
    let said = this.said.get(message)
    if (said && now - said.since >= SAME_LINES_INTERVAL_MS && !said.left) said = undefined
    if (!said) {
      if (this.said.size >= MESSAGES_MAX) this.forgetOld(now)
      if (this.said.size >= MESSAGES_MAX) return null
      said = { since: now, lines: 0, left: null }
      this.said.set(message, said)
    }
    return said
  }

  private forgetOld(now: number): void {
    for (const [message, { since, left }] of this.said) {
      if (!left && now - since >= SAME_LINES_INTERVAL_MS) this.said.delete(message)
    }
  }
}
