/**
 * The loop of an import: pages of lines go to the ledger while the next ones are read, at most so many at once, and never
 * further ahead of the projections than a bound, so that memory stays the same however long the file is.
 */
import type { Fate, UsageImport } from '../commands/import-usage.js'
import { identifierOfLine } from '../commands/usage-identity.js'
import { DomainError } from '../domain/errors.js'
import type { JsonValue } from '../domain/json.js'
import type { Position } from '../event-store/event-store.js'
import type { ImportLine } from './import-lines.js'
import type { RejectsFile } from './rejects-file.js'
import type { WriteSide } from './write-side.js'

/** Lines under way at once; well below what one partition lets wait. */
const UNDER_WAY_MAX = 4_000
/** Lines that may be appended and not yet projected: what the writers have to remember. */
const UNPROJECTED_MAX = 20_000

export interface ImportCounts {
  lines: number
  counted: number
  duplicates: number
  rejected: number
}

export interface ImportRun {
  readonly pages: AsyncIterable<readonly ImportLine[]>
  readonly usageImport: Pick<UsageImport, 'take'>
  /** Where the import writes to the store itself; null where a service does, which sees to its projections. */
  readonly writeSide: Pick<WriteSide, 'store' | 'readYourWrites'> | null
  readonly rejects: RejectsFile
  /** Names the source in the identifiers of lines without one; null where nothing does. Asked when the first one comes. */
  readonly sourceName: () => Promise<string | null>
  /** `bytes`: of the content, up to the last line that was answered. */
  readonly onProgress: (counts: Readonly<ImportCounts>, bytes: number) => void
}

interface Page {
  readonly lines: readonly ImportLine[]
  readonly fates: Promise<PromiseSettledResult<Fate>[]>
}

/** Counts into `counts`, which is right also when it throws: everything in it is durable. */
export async function runImport(run: ImportRun, counts: ImportCounts): Promise<void> {
  const pages: Page[] = []
  const unprojected: { readonly position: Position; readonly lines: number }[] = []
  let underWay = 0
  let ahead = 0

  const settleOldest = async (): Promise<void> => {
    const page = pages.shift() as Page
    const fates = await page.fates
    underWay -= page.lines.length
    const position = await book(page.lines, fates, run, counts)
    run.onProgress(counts, page.lines.at(-1)?.end ?? 0)
    if (position === null) return
    unprojected.push({ position, lines: page.lines.length })
    ahead += page.lines.length
    for (let [oldest] = unprojected; oldest && ahead > UNPROJECTED_MAX; [oldest] = unprojected) {
      await run.writeSide?.readYourWrites.projected(oldest.position)
      ahead -= oldest.lines
      unprojected.shift()
    }
  }

  let source: string | null | undefined
  let failure: unknown = null
  try {
    for await (const lines of run.pages) {
      if (source === undefined && lines.some(({ event }) => hasNoIdentifier(event))) source = await run.sourceName()
      const fates = Promise.allSettled(lines.map((line) => take(line, source ?? null, run.usageImport)))
      pages.push({ lines, fates })
      underWay += lines.length
      while (underWay > UNDER_WAY_MAX) await settleOldest()
    }
  } catch (error) {
    failure = error
  }
  // Also after an error: what was taken on is settled and counted.
  while (pages.length > 0) {
    try {
      await settleOldest()
    } catch (error) {
      failure ??= error
    }
  }
  if (failure) throw failure as Error
  // What counts is in the rows too, for whoever asks or audits next.
  const last = unprojected.at(-1)
  if (last) await run.writeSide?.readYourWrites.projected(last.position)
}

async function take(
  { line, event }: ImportLine,
  source: string | null,
  usageImport: ImportRun['usageImport'],
): Promise<Fate> {
  if (event instanceof DomainError) return { outcome: event, position: null }
  return usageImport.take(event, () => {
    if (source !== null) return identifierOfLine(source, line)
    throw new DomainError(
      'parameter_invalid',
      'The line has no identifier. Standard input or a pipe has no name to make one from: give it one with --source.',
      'identifier',
    )
  })
}

/** The highest position of what was appended. @throws what kept a line from being settled. */
async function book(
  lines: readonly ImportLine[],
  fates: readonly PromiseSettledResult<Fate>[],
  { rejects, writeSide }: ImportRun,
  counts: ImportCounts,
): Promise<Position | null> {
  let highest: Position | null = null
  let failure: { readonly line: number; readonly reason: unknown } | null = null
  for (const [index, fate] of fates.entries()) {
    const line = lines[index] as ImportLine
    if (fate.status === 'rejected') {
      failure ??= { line: line.line, reason: fate.reason }
      continue
    }
    const { outcome, position } = fate.value
    counts.lines++
    if (outcome === 'counted') counts.counted++
    else if (outcome === 'duplicate') counts.duplicates++
    else {
      counts.rejected++
      await rejects.add(line, outcome)
    }
    if (position === null || !writeSide) continue
    if (highest === null || writeSide.store.comparePositions(position, highest) > 0) highest = position
  }
  if (failure) {
    const { line, reason } = failure
    throw new Error(`Stopped at line ${line}: ${reason instanceof Error ? reason.message : String(reason)}`, {
      cause: reason,
    })
  }
  return highest
}

function hasNoIdentifier(event: JsonValue | DomainError): boolean {
  if (event instanceof DomainError || typeof event !== 'object' || event === null) return false
  return ((event as { readonly [key: string]: JsonValue }).identifier ?? null) === null
}
