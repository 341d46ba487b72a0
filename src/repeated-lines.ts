/**
 * Lines of the log that say the same again and again: while a disk is full each request that is refused says so, hundreds of
 * times a second and perhaps on that very disk. The first ones of a minute are written, the others counted. The same are lines
 * of one level and message for one reason; numbers in it do not count.
 */

/** Of the same lines in one interval. */
export const SAME_LINES_MAX = 10
export const SAME_LINES_INTERVAL_MS = 60_000
/** Kinds of lines that are told apart at a time; beyond it lines are written. */
const KINDS_MAX = 1_000

export interface Line {
  readonly level: number
  readonly fields: object
  readonly message: string
  readonly write: (fields: object) => void
}

interface Said {
  readonly since: number
  lines: number
  /** The line that was left out last, and how many were. */
  left: { readonly line: Line; readonly count: number } | null
}

export class RepeatedLines {
  private readonly said = new Map<string, Said>()
  private timer: NodeJS.Timeout | null = null

  constructor(private readonly now: () => number = () => performance.now()) {}

  /** Writes the line, or counts it. */
  add(line: Line): void {
    const said = this.saidOf(line)
    if (!said || ++said.lines <= SAME_LINES_MAX) return line.write(line.fields)
    said.left = { line, count: (said.left?.count ?? 0) + 1 }
    this.timer ??= this.tellLater(said.since)
  }

  /** Says how many lines were left out, with the last of them: of intervals that are over, or of all at the end. */
  tell(isEnd = true): void {
    if (this.timer) clearTimeout(this.timer)
    this.timer = null
    const now = this.now()
    let next = Infinity
    for (const [kind, { left, since }] of this.said) {
      if (!isEnd && now - since < SAME_LINES_INTERVAL_MS) {
        if (left) next = Math.min(next, since)
        continue
      }
      this.said.delete(kind)
      if (!left) continue
      const { line, count } = left
      line.write({ ...line.fields, leftOut: count, inSeconds: Math.round((now - since) / 1000) })
    }
    if (next < Infinity) this.timer = this.tellLater(next)
  }

  private tellLater(since: number): NodeJS.Timeout {
    return setTimeout(() => this.tell(false), since + SAME_LINES_INTERVAL_MS - this.now()).unref()
  }

  /** null where there are too many to tell apart. */
  private saidOf(line: Line): Said | null {
    const kind = kindOf(line)
    const known = this.said.get(kind)
    const now = this.now()
    // What was left out is told by the timer, which may be late.
    if (known && (known.left || now - known.since < SAME_LINES_INTERVAL_MS)) return known
    if (!known && this.said.size >= KINDS_MAX) this.tell(false)
    if (!known && this.said.size >= KINDS_MAX) return null
    const said = { since: now, lines: 0, left: null }
    this.said.set(kind, said)
    return said
  }
}

function kindOf({ level, fields, message }: Line): string {
  const { reason, err } = fields as { readonly reason?: unknown; readonly err?: unknown }
  const why = [typeof reason === 'string' ? reason : '', err instanceof Error ? placeOf(err) : '']
  return [level, message, ...why.map((text) => text.replaceAll(/\d+/g, '0'))].join('\n')
}

/** Of bugs those of one place are the same. */
function placeOf({ name, message, stack = '' }: Error): string {
  const place = stack.split('\n').find((line) => line.startsWith('    at '))
  return `${name}: ${message}${place ?? ''}`
}
