/**
 * How far a long command is, on standard error: one line that is drawn again on a terminal, a plain line from time to time
 * elsewhere. Nothing is drawn by a timer: it moves when the work does.
 */
const TERMINAL_EVERY_MS = 100
const PLAIN_EVERY_MS = 5_000
/** A rate says nothing before so much time, nor while it is nearly none. */
const RATE_AFTER_SECONDS = 0.5
const RATE_MIN = 0.5
const BAR_WIDTH = 24
const CLEAR_LINE = '\r\u001b[K'

export interface Output {
  readonly isTTY?: boolean
  write(text: string): unknown
}

interface Mark {
  readonly at: number
  readonly done: number
  readonly fraction: number
}

export class Progress {
  private readonly since: number
  private shownAt = -Infinity
  /** What was told first: what came before that may have been something else than this work, and rates go by what came since. */
  private first: Mark | null = null

  constructor(
    private readonly output: Output | null,
    /** What is counted, in the singular. */
    private readonly noun: string,
    /** What happens to it, as in "3 rows compared". */
    private readonly participle?: string,
    private readonly now: () => number = () => performance.now(),
  ) {
    this.since = now()
  }

  get seconds(): number {
    return (this.now() - this.since) / 1000
  }

  /** `fraction` of the whole, from 0 to 1; null where the whole is not known. */
  show(done: number, fraction: number | null): void {
    if (!this.output) return
    const now = this.now()
    this.first ??= { at: now, done, fraction: fraction ?? 0 }
    if (now - this.shownAt < (this.output.isTTY ? TERMINAL_EVERY_MS : PLAIN_EVERY_MS)) return
    this.shownAt = now
    const seconds = (now - this.first.at) / 1000
    const hasRate = seconds >= RATE_AFTER_SECONDS
    const parts = [[counted(done, this.noun), this.participle].join(' ').trimEnd()]
    const rate = (done - this.first.done) / seconds
    if (hasRate && rate >= RATE_MIN) parts.push(`${grouped(rate)}/s`)
    if (fraction !== null && fraction > 0 && fraction <= 1) {
      parts.push(`${Math.floor(fraction * 100)} %`)
      const more = fraction - this.first.fraction
      if (hasRate && more > 0) parts.push(`${duration((seconds * (1 - fraction)) / more)} left`)
      if (this.output.isTTY) parts.unshift(bar(fraction))
    }
    const line = parts.join('  ')
    this.output.write(this.output.isTTY ? `${CLEAR_LINE}${line}` : `${line}\n`)
  }

  /** A line that stays. */
  tell(line: string): void {
    this.clear()
    this.output?.write(`${line}\n`)
  }

  /** Takes the line away from a terminal. */
  clear(): void {
    if (this.output?.isTTY && this.shownAt > -Infinity) this.output.write(CLEAR_LINE)
  }
}

/** A whole number with its thousands apart. */
export function grouped(number: number): string {
  return Math.round(number)
    .toString()
    .replace(/\B(?=(\d{3})+$)/g, ' ')
}

/** The number and its noun, which is given in the singular. */
export function counted(number: number, noun: string): string {
  return `${grouped(number)} ${noun}${number === 1 ? '' : 's'}`
}

function bar(fraction: number): string {
  const full = Math.floor(fraction * BAR_WIDTH)
  return `[${'#'.repeat(full)}${'.'.repeat(BAR_WIDTH - full)}]`
}

function duration(seconds: number): string {
  const whole = Math.ceil(seconds)
  if (whole < 60) return `${whole} s`
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`
}
