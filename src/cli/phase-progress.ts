/** How far a command is that does one thing after the other: a line for each phase, as `Progress` shows it. */
import { Progress } from './progress.js'

export class PhaseProgress<Phase extends string> {
  private phase: Phase | null = null
  private progress: Progress | null = null

  constructor(
    readonly isQuiet: boolean,
    /** What is counted in each phase, in the singular, and what happens to it. */
    private readonly work: Readonly<Record<Phase, readonly [noun: string, participle: string]>>,
  ) {}

  show(phase: Phase, done: number, fraction: number | null): void {
    if (phase !== this.phase) {
      this.clear()
      this.phase = phase
      const [noun, participle] = this.work[phase]
      this.progress = new Progress(this.isQuiet ? null : process.stderr, noun, participle)
    }
    this.progress?.show(done, fraction)
  }

  /** Takes the line away from a terminal. */
  clear(): void {
    this.progress?.clear()
  }

  /** What is shown next is of a phase that begins, also where its name is the same. */
  restart(): void {
    this.clear()
    this.phase = null
  }
}
