/** How far a rebuild is, as a line that is written over: events folded, then rows compared. */
import type { RebuildState } from '../projections/rebuilding.js'
import { printableLine } from './printable.js'
import { Progress } from './progress.js'

export class RebuildProgress {
  private status: RebuildState['status'] | null = null
  private progress: Progress | null = null
  private waitingReason: string | null = null

  constructor(readonly isQuiet: boolean) {}

  show({ status, sequence, wantedSequence, rows, wantedRows, waitingReason = null }: RebuildState): void {
    if (status === 'completed' || status === 'failed') return this.clear()
    if (waitingReason !== this.waitingReason) this.tellWaiting(waitingReason)
    if (status !== this.status) {
      this.clear()
      this.status = status
      const output = this.isQuiet ? null : process.stderr
      this.progress =
        status === 'building' ? new Progress(output, 'usage event', 'folded') : new Progress(output, 'row', 'compared')
    }
    if (status === 'building') this.progress?.show(sequence, wantedSequence === 0 ? null : sequence / wantedSequence)
    else this.progress?.show(rows, wantedRows === 0 ? null : rows / wantedRows)
  }

  /** A line that stays. */
  tell(line: string): void {
    this.clear()
    if (!this.isQuiet) process.stderr.write(`${line}\n`)
  }

  private tellWaiting(waitingReason: string | null): void {
    this.waitingReason = waitingReason
    if (waitingReason === null) this.tell('It goes on.')
    else this.tell(`It cannot go on and is tried again until it can: ${printableLine(waitingReason)}`)
  }

  clear(): void {
    this.progress?.clear()
  }
}
