/** What a benchmark says: figures, each against its target, as a table and as JSON. */
import { availableParallelism, cpus, totalmem } from 'node:os'

/** `atLeast` fails the figure, `aim` is where it should be. Smaller is better where `isCeiling`. */
export interface Target {
  readonly atLeast: number
  readonly aim: number
  readonly isCeiling?: true
}

export interface Figure {
  readonly case: string
  /** With its unit as the last word. */
  readonly name: string
  /** Median of the runs. */
  readonly value: number
  /** What it is measured beside, in the same unit, its runs between these; null where there is nothing. */
  readonly beside: { readonly name: string; readonly value: number } | null
  /** Median of the ratios of neighbouring runs. */
  readonly ratio: number | null
  /** Judged by the ratio where there is one, else by the value. */
  readonly target: Target | null
  readonly runs: readonly number[]
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((left, right) => left - right)
  const middle = sorted.length >> 1
  const upper = sorted[middle] ?? NaN
  return sorted.length % 2 === 1 ? upper : ((sorted[middle - 1] ?? NaN) + upper) / 2
}

/** A figure without a counterpart. */
export function alone(of: string, name: string, runs: readonly number[], target: Target | null = null): Figure {
  return { case: of, name, value: median(runs), beside: null, ratio: null, target, runs }
}

/** A figure whose runs alternated with those of its counterpart. */
export function besides(
  of: string,
  name: string,
  runs: readonly number[],
  beside: { readonly name: string; readonly runs: readonly number[] },
  target: Target | null = null,
): Figure {
  const ratios = runs.map((run, index) => run / (beside.runs[index] ?? NaN))
  return {
    case: of,
    name,
    value: median(runs),
    beside: { name: beside.name, value: median(beside.runs) },
    ratio: median(ratios),
    target,
    runs,
  }
}

type Verdict = 'aim reached' | 'enough' | 'MISSED' | ''

export function verdictOf({ ratio, value, target }: Figure): Verdict {
  if (!target) return ''
  const judged = ratio ?? value
  const reaches = (bound: number): boolean => (target.isCeiling ? judged <= bound : judged >= bound)
  return reaches(target.aim) ? 'aim reached' : reaches(target.atLeast) ? 'enough' : 'MISSED'
}

export function table(figures: readonly Figure[]): string {
  const heads = ['case', 'figure', 'median', 'beside it', 'ratio', 'at least', 'aim', 'verdict']
  const rows = figures.map((figure) => [
    figure.case,
    figure.name,
    number(figure.value),
    figure.beside ? `${number(figure.beside.value)} (${figure.beside.name})` : '',
    figure.ratio === null ? '' : figure.ratio.toFixed(2),
    figure.target ? `${figure.target.isCeiling ? '≤ ' : ''}${figure.target.atLeast}` : '',
    figure.target ? `${figure.target.isCeiling ? '≤ ' : ''}${figure.target.aim}` : '',
    verdictOf(figure),
  ])
  const widths = heads.map((head, column) => Math.max(head.length, ...rows.map((row) => row[column]?.length ?? 0)))
  const isNumber = [false, false, true, true, true, true, true, false]
  const line = (row: readonly string[]): string =>
    row
      .map((text, column) => (isNumber[column] ? text.padStart(widths[column] ?? 0) : text.padEnd(widths[column] ?? 0)))
      .join('  ')
      .trimEnd()
  return [line(heads), widths.map((width) => '-'.repeat(width)).join('  '), ...rows.map(line)].join('\n')
}

export function toJson(figures: readonly Figure[], mode: string): string {
  const machine = {
    node: process.version,
    processors: availableParallelism(),
    processor: cpus()[0]?.model ?? 'unknown',
    memoryGiB: Math.round(totalmem() / 2 ** 30),
  }
  const judged = figures.map((figure) => ({ ...figure, verdict: verdictOf(figure) }))
  return JSON.stringify({ at: new Date().toISOString(), mode, machine, figures: judged }, null, 2)
}

function number(value: number): string {
  if (value >= 100) return Math.round(value).toLocaleString('en')
  return value.toFixed(value >= 10 ? 1 : 2)
}
