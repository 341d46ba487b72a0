/**
 * What differs between the stored numbers and the log? Asked where `checkAgreement` could not say that nothing does. The log is
 * folded once more, into a scratch read model that looks at nothing of the live one, up to the very event at which the live
 * rows stand; then every row of both is compared, in order of the keys, while what was folded is digested beside.
 *
 * The live rows may move meanwhile: they are read in one snapshot, and folding goes on to where that stands. Where the snapshot
 * is lost comparing begins again with another one.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { EventStoreCorrupt, type EventStore, type Position } from '../event-store/event-store.js'
import type { LedgerName } from '../domain/ledger.js'
import { believed, checkpointsOf } from '../projections/checkpoints.js'
import { allProjections } from '../projections/projections.js'
import { compareRows, countRows, type Row, type RowDifference } from '../projections/compare-rows.js'
import { ProjectionStopped, type Projection } from '../projections/projection.js'
import { ReadModelDamaged, type Checkpoint, type ReadModel, type RowReader } from '../read-model/read-model.js'
import { usageMarks, usageRecords, usageSeries } from '../read-model/tables.js'
import type { Digest, DigestSelection } from './digest.js'
import { EffectWatcher, type Effect } from './effects.js'
import type { Contradiction } from './log-check.js'
import { readOneState } from './one-state.js'
import { Refold } from './refold.js'
import { isSelected, scopeOf, type RowScope, type Selection } from './row-scope.js'
import { asOf, fractionOf, goesOn, ledgersOf } from './standing.js'

/** Differences and contradictions of the log that are told one by one; all are counted. */
export const FINDINGS_MAX = 1_000

/** Wherever the event of a mark stands, moments of all ledgers are found by it. */
const WRONG_MARK = `${usageMarks.name}: a row by which moments of every ledger are found is not what the log gives. An audit without a selection names it.`

export interface AuditSelection extends Selection {
  /** The records as they stood after this usage event; null: everything as it stands. */
  readonly sequence: number | null
}

export type AuditPhase = 'folding' | 'comparing' | 'digesting'

export interface AuditProgress {
  readonly phase: AuditPhase
  /** Events folded, or rows read. */
  readonly done: number
  /** Of the phase, from 0 to 1; null where the whole is not known. */
  readonly fraction: number | null
}

export interface AuditOptions {
  readonly signal: AbortSignal
  readonly onProgress: (progress: AuditProgress) => void
  /** Told what each of the first `EFFECTS_MAX` selected usage events did; null where nobody asks. */
  readonly onEffect: ((effect: Effect) => void) | null
  /** Told why everything is folded once more, into rows of its own: to name what differs. */
  readonly onDoubt: (why: string) => void
}

/** Digests in the order of the selections; `onRead` is told how many records were read so far. */
export type DigestRecords = (
  selections: readonly DigestSelection[],
  options: { readonly signal: AbortSignal; readonly onRead: (read: number) => void },
) => Promise<readonly Digest[]>

export type Finding =
  /** The log contradicts itself, or cannot be read on from here. */
  | ({ readonly kind: 'log' } & Partial<Contradiction> & { readonly message: string })
  | {
      readonly kind: 'checkpoint'
      readonly projection: string
      readonly expected: Checkpoint
      readonly found: Checkpoint
    }
  /** How the rows or the log are kept is not as it must be, whatever they say. */
  | { readonly kind: 'storage'; readonly of: 'rows' | 'log'; readonly message: string }
  | ({ readonly kind: 'row' } & RowDifference & { readonly meterId: string | null; readonly customer: string | null })

export interface AuditVerdict {
  /** `damaged`: the log itself is wrong; then rows may be too. */
  readonly verdict: 'agrees' | 'differs' | 'damaged'
  readonly events: number
  readonly rows: number
  /** How far the log was folded. */
  readonly checkpoint: Checkpoint
  /** Whether the log has more, which the live rows do not have yet: it was not audited. */
  readonly logGoesOn: boolean
  /** How many there are; at most `FINDINGS_MAX` of them are in `findings`. */
  readonly findingCount: number
  readonly findings: readonly Finding[]
  /** Differences that are not selected, and are of no other ledger than the selected one; and those that are. */
  readonly outsideCount: number
  readonly otherLedgersCount: number
  /** Selected usage events, of which the first were told; null where nobody asked what they did. */
  readonly effectCount: number | null
  /** Of the selected records as the log gives them, for each ledger. */
  readonly digests: readonly ({ readonly ledger: LedgerName } & Digest)[]
}

export class Audit {
  private found = {
    findings: [] as readonly Finding[],
    findingCount: 0,
    outsideCount: 0,
    otherLedgersCount: 0,
    isLogDamaged: false,
    rows: 0,
  }
  private isComparing = false
  private digesting: Promise<AuditVerdict['digests']> = Promise.resolve([])
  private readonly projections: readonly Projection[]

  constructor(
    private readonly store: EventStore,
    private readonly live: ReadModel,
    private readonly scratch: ReadModel,
    private readonly digestFolded: DigestRecords,
    private readonly selection: AuditSelection,
    private readonly options: AuditOptions,
  ) {
    this.projections = allProjections(({ stream, revision, message }) => this.damage({ stream, revision, message }))
  }

  /** @throws what kept it from coming to a verdict. */
  async run(): Promise<AuditVerdict> {
    await this.scratch.prepare(this.projections)
    const { sequence } = this.selection
    const { onEffect, onProgress, signal } = this.options
    const until = believed(await readOneState(this.live, (rows) => checkpointsOf(rows, this.projections), signal))
    const watcher = onEffect ? new EffectWatcher(this.selection, onEffect) : null
    const refold = new Refold(this.store, this.scratch, this.projections, {
      signal,
      onContradiction: (contradiction) => this.damage(contradiction),
      onProgress: (events) => {
        const wanted = Math.min(sequence ?? until.sequence, until.sequence)
        onProgress({ phase: 'folding', done: events, fraction: fractionOf(refold.checkpoint.sequence, wanted) })
      },
      watcher,
    })
    let digests: AuditVerdict['digests'] = []
    let logGoesOn = false
    try {
      if (until.position !== null) await refold.to({ position: until.position as Position, sequence })
      // What was found before any row was compared.
      let { found } = this
      logGoesOn = await readOneState(
        this.live,
        async (rows) => {
          this.found = { ...found }
          const reached = believed(await checkpointsOf(rows, this.projections))
          if (reached.position !== null) await refold.to({ position: reached.position as Position, sequence })
          found = { ...this.found }
          return this.besideDigesting(async () => {
            await this.compare(rows, refold.checkpoint)
            return goesOn(this.store, reached)
          })
        },
        signal,
      )
      digests = await this.digesting
    } catch (error) {
      if (!(error instanceof EventStoreCorrupt || error instanceof ProjectionStopped)) throw error
      // Nothing behind it can be folded, so nothing can be compared.
      this.damage({ message: error.message })
    }
    return {
      verdict: this.found.isLogDamaged ? 'damaged' : this.found.findingCount > 0 ? 'differs' : 'agrees',
      events: refold.events,
      rows: this.found.rows,
      checkpoint: refold.checkpoint,
      logGoesOn,
      findingCount: this.found.findingCount,
      findings: this.found.findings,
      outsideCount: this.found.outsideCount,
      otherLedgersCount: this.found.otherLedgersCount,
      effectCount: watcher?.count ?? null,
      digests,
    }
  }

  /** Whether digesting went well is asked later. After a failure nobody reads what was folded: folding may go on. */
  private async besideDigesting<Result>(compare: () => Promise<Result>): Promise<Result> {
    const failed = new AbortController()
    this.isComparing = true
    this.digesting = this.digest(AbortSignal.any([this.options.signal, failed.signal]))
    this.digesting.catch(() => undefined)
    try {
      return await compare()
    } catch (error) {
      failed.abort()
      await Promise.allSettled([this.digesting])
      throw error
    } finally {
      this.isComparing = false
    }
  }

  private async compare(live: RowReader, reached: Checkpoint): Promise<void> {
    const isNow = this.selection.sequence === null || reached.sequence < this.selection.sequence
    if (isNow) {
      for (const [projection, found] of await checkpointsOf(live, this.projections)) {
        const { position, sequence, event } = reached
        if (found.position === position && found.sequence === sequence && found.event === event) continue
        this.find({ kind: 'checkpoint', projection, expected: reached, found })
      }
    }
    const tables = new Set<unknown>([usageRecords, usageSeries])
    // What cells held at an earlier moment is nowhere stored; the records are.
    const comparedOf = ({ tables: all }: Projection): Projection['tables'] =>
      isNow ? all : all.filter((table) => tables.has(table))
    const wanted = await countRows(this.scratch, this.projections.flatMap(comparedOf))
    for (const projection of this.projections) {
      const compared = comparedOf(projection)
      const seen = isNow ? undefined : await asOf(reached.sequence, this.scratch)
      for await (const { rows, differences, damage } of compareRows(this.scratch, live, compared, seen)) {
        this.options.signal.throwIfAborted()
        this.found.rows += rows
        this.options.onProgress({
          phase: 'comparing',
          done: this.found.rows,
          fraction: fractionOf(this.found.rows, wanted),
        })
        for (const difference of differences) await this.report(difference, live)
        if (damage) this.find({ kind: 'storage', of: 'rows', message: `${damage.table}: ${damage.message}` })
        await nextTurn()
      }
    }
    if (!isNow) return
    for (const message of await this.live.storageFaults(this.projections)) {
      this.find({ kind: 'storage', of: 'rows', message })
    }
    for (const message of await this.store.storageFaults()) this.find({ kind: 'storage', of: 'log', message })
    const lost = await this.store.lostEvents()
    if (lost === null) return
    this.found.isLogDamaged = true
    this.find({ kind: 'storage', of: 'log', message: lost })
  }

  /**
   * A row that is stored where it does not belong concerns whoever it was given to as well as those it was taken from. Of
   * another ledger nothing is told.
   */
  private async report({ table, key, ...rows }: RowDifference, live: RowReader): Promise<void> {
    const expected = rows.expected && this.own(rows.expected, await scopeOf(rows.expected, this.scratch))
    const found = rows.found && this.own(rows.found, await this.scopeOfStored(rows.found, live))
    const sides = [expected, found].filter((side) => side !== null)
    const [first] = sides
    if (!first && table === usageMarks.name) this.find({ kind: 'storage', of: 'rows', message: WRONG_MARK })
    else if (!first) this.found.otherLedgersCount++
    else if (!sides.some(({ scope }) => isSelected(scope, this.selection))) this.found.outsideCount++
    else {
      const { meterId, customer } = first.scope
      this.find({
        kind: 'row',
        table,
        key,
        expected: expected?.row ?? null,
        found: found?.row ?? null,
        meterId,
        customer,
      })
    }
  }

  private own(row: Row, scope: RowScope): { readonly row: Row; readonly scope: RowScope } | null {
    const { ledger } = this.selection
    return ledger === null || scope.ledger === null || scope.ledger === ledger ? { row, scope } : null
  }

  /** As it is served. What the stored rows do not know is looked up in those that were folded. */
  private async scopeOfStored(row: Row, live: RowReader): Promise<RowScope> {
    try {
      return await scopeOf(row, live, this.scratch)
    } catch (error) {
      if (!(error instanceof ReadModelDamaged)) throw error
      return scopeOf(row, this.scratch)
    }
  }

  private async digest(signal: AbortSignal): Promise<AuditVerdict['digests']> {
    const { ledger: one, meterId, customer, from, to } = this.selection
    const isAll = [one, meterId, customer, from, to].every((part) => part === null)
    const wanted = isAll ? await this.scratch.count(usageRecords) : 0
    const ledgers = await ledgersOf(this.scratch, one)
    const digests = await this.digestFolded(
      ledgers.map((ledger) => ({ ...this.selection, ledger, sequence: null })),
      {
        signal,
        onRead: (read) => {
          // One phase is told at a time.
          if (this.isComparing) return
          this.options.onProgress({ phase: 'digesting', done: read, fraction: fractionOf(read, wanted) })
        },
      },
    )
    return digests.map((digest, index) => ({ ledger: ledgers[index] as LedgerName, ...digest }))
  }

  private damage(contradiction: Partial<Contradiction> & { readonly message: string }): void {
    this.found.isLogDamaged = true
    this.find({ kind: 'log', ...contradiction })
  }

  private find(finding: Finding): void {
    this.found.findingCount++
    const { findings } = this.found
    if (findings.length < FINDINGS_MAX) this.found.findings = [...findings, finding]
  }
}
