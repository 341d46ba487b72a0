/**
 * Whether the rows are what the log says, told without storing every usage record again: while the log is folded, records are
 * compared with the stored ones (`RecordsBeside`), and a thread beside makes cells of sums and counts of those, digests them
 * and sums the entries of their indexes (`readStoredRows`). Everything else is folded into scratch rows. All of that is
 * compared with the stored rows.
 *
 * It says that all agrees, or that something does not; then `Audit` folds everything and names what.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import { EventStoreUnavailable, type EventStore, type Position } from '../event-store/event-store.js'
import type { LedgerName } from '../domain/ledger.js'
import { believed, checkpointsOf } from '../projections/checkpoints.js'
import { allProjections } from '../projections/projections.js'
import { compareRows, countRows } from '../projections/compare-rows.js'
import type { Projection } from '../projections/projection.js'
import type { Checkpoint, ReadModel, RowReader } from '../read-model/read-model.js'
import { usageCells, usageRecords, usageSeries, type Table } from '../read-model/tables.js'
import type { AuditOptions, AuditSelection, AuditVerdict } from './audit.js'
import type { Digest } from './digest.js'
import type { SumKeys } from './entry-sum.js'
import { Disagreement, RecordsBeside } from './records-beside.js'
import { Refold } from './refold.js'
import { asOf, fractionOf, goesOn, ledgersOf } from './standing.js'
import type { ReadStoredRows } from './stored-rows.js'
import type { SummedIndex } from './summed-indexes.js'

type Digests = AuditVerdict['digests']

export interface AgreementRows {
  readonly live: ReadModel
  /** Empty, and nobody else's. */
  readonly scratch: ReadModel
  /** Where `readStored` makes cells; looked at once it has said that they are made. */
  readonly cells: ReadModel
  readonly readStored: ReadStoredRows
}

/** The stored rows as they stood after one usage event, being read by somebody else. */
interface Reading {
  readonly sequence: number
  readonly ledgers: readonly LedgerName[]
  readonly cells: Promise<void>
  /** null: they are not summed. */
  readonly indexes: Promise<readonly SummedIndex[]> | null
  readonly digests: Promise<readonly Digest[]>
  readonly stop: () => Promise<void>
}

/**
 * null where it cannot say that everything agrees; `onDoubt` is told why.
 *
 * @throws what the signal was aborted with; EventStoreUnavailable after all the patience there is: it would not be read the second time either.
 */
export async function checkAgreement(
  store: EventStore,
  rows: AgreementRows,
  selection: AuditSelection,
  options: Omit<AuditOptions, 'onEffect'>,
): Promise<AuditVerdict | null> {
  try {
    const projections = allProjections(() => undefined)
    await rows.scratch.prepare(projections)
    const until = believed(await checkpointsOf(rows.live, projections))
    return await new Agreement(store, rows, selection, options, until).check()
  } catch (error) {
    options.signal.throwIfAborted()
    if (error instanceof EventStoreUnavailable) throw error
    // Whatever it is, folding into rows of its own meets it again, and can name it.
    options.onDoubt(error instanceof Error ? error.message : String(error))
    return null
  }
}

class Agreement {
  private readonly projections: readonly Projection[]
  private readonly beside: RecordsBeside
  private readonly refold: Refold
  /** Usage events to be folded, as far as is known, and rows to be compared. */
  private readonly wanted: number
  private wantedRows = 0
  private rows = 0
  /** One phase is told at a time. */
  private isWaiting = false

  constructor(
    private readonly store: EventStore,
    private readonly of: AgreementRows,
    private readonly selection: AuditSelection,
    private readonly options: Omit<AuditOptions, 'onEffect'>,
    /** Where the live rows stand. */
    private readonly until: Checkpoint,
  ) {
    const disagree = ({ message }: { readonly message: string }): never => {
      throw new Disagreement(message)
    }
    const { sequence } = selection
    this.wanted = Math.min(sequence ?? until.sequence, until.sequence)
    this.projections = allProjections(disagree, this.mayCompareCells ? this.wanted : Infinity)
    this.beside = new RecordsBeside(of.scratch, of.cells, of.live)
    this.refold = new Refold(store, this.beside, this.projections, {
      signal: options.signal,
      onContradiction: disagree,
      onProgress: (events) => this.tellFolded(events),
    })
  }

  /** @throws Disagreement, or whatever else kept it from agreeing. */
  async check(): Promise<AuditVerdict> {
    const { live } = this.of
    let reading = await this.read(this.wanted, this.beside.sumKeys)
    try {
      await this.foldTo(this.until)
      await reading.cells
      const logGoesOn = await live.snapshot(async (rows) => {
        const reached = believed(await checkpointsOf(rows, this.projections))
        // What the rows got meanwhile.
        await this.foldTo(reached)
        if (!(await this.isOfWhatWasFolded(reading))) {
          await reading.stop()
          reading = await this.read(this.refold.checkpoint.sequence, null)
        }
        await this.compare(rows, reading)
        return goesOn(this.store, reached)
      })
      this.isWaiting = true
      const digests = await this.digestsOf(reading)
      const { events, checkpoint } = this.refold
      return {
        verdict: 'agrees',
        events,
        rows: this.rows,
        checkpoint,
        logGoesOn,
        findingCount: 0,
        findings: [],
        outsideCount: 0,
        otherLedgersCount: 0,
        effectCount: null,
        digests,
      }
    } finally {
      await reading.stop()
    }
  }

  /** What cells held at an earlier moment is nowhere stored. */
  private get mayCompareCells(): boolean {
    const { sequence } = this.selection
    return sequence === null || this.until.sequence < sequence
  }

  private async foldTo({ position }: Checkpoint): Promise<void> {
    if (position === null) return
    await this.refold.to({ position: position as Position, sequence: this.selection.sequence })
  }

  private async compare(live: RowReader, reading: Reading): Promise<void> {
    const { checkpoint: reached } = this.refold
    const { sequence } = this.selection
    const { scratch, cells } = this.of
    const isNow = sequence === null || reached.sequence < sequence
    if (isNow) await this.compareCheckpoints(live, reached)
    const made = this.projections
      .flatMap(({ tables }) => tables)
      .filter(({ name }) =>
        isNow ? name !== usageRecords.name && name !== usageCells.name : name === usageSeries.name,
      )
    const added = isNow ? [usageCells] : []
    this.wantedRows = (await countRows(scratch, made)) + (await countRows(cells, added)) + this.beside.rows
    const seen = isNow ? undefined : await asOf(reached.sequence, scratch)
    await this.compareTables(cells, live, added)
    await this.compareTables(scratch, live, made, seen)
    const [fault] = isNow
      ? [...(await this.of.live.storageFaults(this.projections)), ...(await this.store.storageFaults())]
      : []
    if (fault !== undefined) throw new Disagreement(fault)
    const lost = isNow ? await this.store.lostEvents() : null
    if (lost !== null) throw new Disagreement(lost)
    await this.beside.conclude(live, isNow ? null : reached.sequence, await reading.indexes, {
      signal: this.options.signal,
      onPage: (rows) => this.tellCompared(rows),
    })
    this.rows += this.beside.rows
  }

  private async compareTables(
    expected: RowReader,
    live: RowReader,
    tables: readonly Table<never>[],
    seen?: Awaited<ReturnType<typeof asOf>>,
  ): Promise<void> {
    for await (const { rows, differences, damage } of compareRows(expected, live, tables, seen)) {
      if (damage) throw new Disagreement(damage.message)
      const [difference] = differences
      if (difference) {
        throw new Disagreement(`${difference.table} ${JSON.stringify(difference.key)} is not what the log gives.`)
      }
      this.rows += rows
      this.tellCompared(0)
      await nextTurn()
    }
  }

  private async compareCheckpoints(live: RowReader, reached: Checkpoint): Promise<void> {
    for (const [projection, { position, sequence, event }] of await checkpointsOf(live, this.projections)) {
      if (position === reached.position && sequence === reached.sequence && event === reached.event) continue
      throw new Disagreement(`The checkpoint of ${projection} is not where the rows stand.`)
    }
  }

  /** `sumKeys`: null where only digests are wanted, because the rest was found before or is looked for in a snapshot. */
  private async read(sequence: number, sumKeys: SumKeys | null): Promise<Reading> {
    const stopped = new AbortController()
    const signal = AbortSignal.any([this.options.signal, stopped.signal])
    const ledgers = await ledgersOf(this.of.live, this.selection.ledger)
    const addsUpCells = sumKeys !== null && this.mayCompareCells
    const cells = withResolver<void>()
    const indexes = withResolver<readonly SummedIndex[]>()
    if (!addsUpCells) cells.resolve()
    const digests = this.of.readStored(
      {
        sequence,
        addsUpCells,
        selections: ledgers.map((ledger) => ({ ...this.selection, ledger, sequence })),
        sumKeys,
      },
      {
        signal,
        onDigested: (records) => this.tellDigested(records),
        onCells: cells.resolve,
        onIndexes: indexes.resolve,
      },
    )
    // Whether it went well is asked when one of them is waited for.
    digests.catch((error: unknown) => {
      cells.reject(error)
      indexes.reject(error)
    })
    const stop = async (): Promise<void> => {
      stopped.abort()
      await Promise.allSettled([digests])
    }
    return { sequence, ledgers, cells: cells.promise, indexes: sumKeys && indexes.promise, digests, stop }
  }

  private async isOfWhatWasFolded({ sequence, ledgers }: Reading): Promise<boolean> {
    const folded = await ledgersOf(this.of.scratch, this.selection.ledger)
    return sequence === this.refold.checkpoint.sequence && folded.every((ledger) => ledgers.includes(ledger))
  }

  /** Without ledgers that came later. */
  private async digestsOf({ digests, ledgers: digested }: Reading): Promise<Digests> {
    const { ledger: one, meterId, customer, from, to } = this.selection
    const ledgers = new Set(await ledgersOf(this.of.scratch, one))
    const found = (await digests)
      .map((digest, index) => ({ ledger: digested[index] as LedgerName, ...digest }))
      .filter(({ ledger }) => ledgers.has(ledger))
    if ([one, meterId, customer, from, to].some((part) => part !== null)) return found
    const records = found.reduce((sum, digest) => sum + digest.records, 0)
    if (records === this.beside.records) return found
    throw new Disagreement(`${this.beside.records} usage records were recorded, ${records} digested.`)
  }

  private tellFolded(events: number): void {
    const fraction = fractionOf(this.refold.checkpoint.sequence, this.wanted)
    this.options.onProgress({ phase: 'folding', done: events, fraction })
  }

  /** `passed`: rows that were gone through, besides those that are compared. */
  private tellCompared(passed: number): void {
    this.options.signal.throwIfAborted()
    const done = this.rows + passed
    this.options.onProgress({ phase: 'comparing', done, fraction: fractionOf(done, this.wantedRows) })
  }

  private tellDigested(records: number): void {
    if (!this.isWaiting) return
    this.options.onProgress({ phase: 'digesting', done: records, fraction: fractionOf(records, this.beside.records) })
  }
}

interface WithResolver<Value> {
  readonly promise: Promise<Value>
  readonly resolve: (value: Value) => void
  readonly reject: (error: unknown) => void
}

/** Whoever does not wait for it need not be told that it failed. */
function withResolver<Value>(): WithResolver<Value> {
  let resolve: (value: Value) => void = () => undefined
  let reject: (error: unknown) => void = () => undefined
  const promise = new Promise<Value>((resolved, rejected) => {
    resolve = resolved
    reject = rejected
  })
  promise.catch(() => undefined)
  return { promise, resolve, reject }
}
