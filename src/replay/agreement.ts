/**
 * Whether the rows are what the log says, told without storing every usage record again: while the log is folded, records are
 * compared with the stored ones (`RecordsBeside`), and a thread beside digests those. Everything else is folded into
 * scratch rows and compared with the stored rows.
 *
 * It says that all agrees, or that something does not; then `Audit` folds everything and names what.
 */
import { setImmediate as nextTurn } from 'node:timers/promises'
import type { EventStore, Position } from '../event-store/event-store.js'
import type { LedgerName } from '../domain/ledger.js'
import { allProjections } from '../projections/projections.js'
import { compareRows, countRows } from '../projections/compare-rows.js'
import type { Projection } from '../projections/projection.js'
import type { Checkpoint, ReadModel, RowReader } from '../read-model/read-model.js'
import { usageRecords, usageSeries } from '../read-model/tables.js'
import type { AuditOptions, AuditSelection, AuditVerdict, DigestRecords } from './audit.js'
import { Disagreement, RecordsBeside } from './records-beside.js'
import { Refold } from './refold.js'
import { asOf, believed, checkpointsOf, fractionOf, goesOn, ledgersOf } from './standing.js'

type Digests = AuditVerdict['digests']

/** Digests of the stored records as they stood after one usage event, on their way. */
interface Digesting {
  readonly sequence: number
  readonly ledgers: readonly LedgerName[]
  readonly digests: Promise<Digests>
  readonly stop: () => Promise<void>
}

export class Agreement {
  private readonly projections: readonly Projection[]
  private readonly beside: RecordsBeside
  private readonly refold: Refold
  /** Usage events to be folded, as far as is known, and rows to be compared. */
  private wanted = 0
  private wantedRows = 0
  private rows = 0
  /** One phase is told at a time. */
  private isWaiting = false

  constructor(
    private readonly store: EventStore,
    private readonly live: ReadModel,
    private readonly scratch: ReadModel,
    private readonly digestStored: DigestRecords,
    private readonly selection: AuditSelection,
    private readonly options: Omit<AuditOptions, 'onEffect'>,
  ) {
    const disagree = ({ message }: { readonly message: string }): never => {
      throw new Disagreement(message)
    }
    this.projections = allProjections(disagree)
    this.beside = new RecordsBeside(scratch, live)
    this.refold = new Refold(store, this.beside, this.projections, {
      signal: options.signal,
      onContradiction: disagree,
      onProgress: (events) => this.tellFolded(events),
    })
  }

  /** null where it cannot say that everything agrees; `onDoubt` is told why. @throws what the signal was aborted with. */
  async check(): Promise<AuditVerdict | null> {
    try {
      return await this.agree()
    } catch (error) {
      this.options.signal.throwIfAborted()
      // Whatever it is, folding into rows of its own meets it again, and can name it.
      this.options.onDoubt(error instanceof Error ? error.message : String(error))
      return null
    }
  }

  /** @throws Disagreement, or whatever else kept it from agreeing. */
  private async agree(): Promise<AuditVerdict> {
    await this.scratch.prepare(this.projections)
    const until = believed(await checkpointsOf(this.live, this.projections))
    const { sequence } = this.selection
    this.wanted = Math.min(sequence ?? until.sequence, until.sequence)
    let digesting = await this.digest(this.wanted)
    try {
      await this.foldTo(until)
      const logGoesOn = await this.live.snapshot(async (rows) => {
        const reached = believed(await checkpointsOf(rows, this.projections))
        // What the rows got meanwhile.
        await this.foldTo(reached)
        if (!(await this.isOfWhatWasFolded(digesting))) {
          await digesting.stop()
          digesting = await this.digest(this.refold.checkpoint.sequence)
        }
        await this.compare(rows)
        return goesOn(this.store, reached)
      })
      this.isWaiting = true
      const digests = await this.digestsOf(digesting)
      const { events, checkpoint } = this.refold
      return {
        verdict: 'agrees',
        events,
        rows: this.rows,
        checkpoint,
        logGoesOn,
        findingCount: 0,
        findings: [],
        digests,
      }
    } finally {
      await digesting.stop()
    }
  }

  private async foldTo({ position }: Checkpoint): Promise<void> {
    if (position === null) return
    await this.refold.to({ position: position as Position, sequence: this.selection.sequence })
  }

  private async compare(live: RowReader): Promise<void> {
    const { checkpoint: reached } = this.refold
    const { sequence } = this.selection
    const isNow = sequence === null || reached.sequence < sequence
    if (isNow) await this.compareCheckpoints(live, reached)
    // What cells held at an earlier moment is nowhere stored; the records are.
    const others = this.projections
      .flatMap(({ tables }) => tables)
      .filter(({ name }) => (isNow ? name !== usageRecords.name : name === usageSeries.name))
    this.wantedRows = (await countRows(this.scratch, others)) + this.beside.rows
    await this.beside.conclude(live, isNow ? null : reached.sequence, (rows) => this.tellCompared(rows))
    const seen = isNow ? undefined : await asOf(reached.sequence, this.scratch)
    let compared = this.beside.rows
    for await (const { rows, differences, damage } of compareRows(this.scratch, live, others, seen)) {
      if (damage) throw new Disagreement(damage.message)
      const [difference] = differences
      if (difference) {
        throw new Disagreement(`${difference.table} ${JSON.stringify(difference.key)} is not what the log gives.`)
      }
      compared += rows
      await this.tellCompared(rows)
    }
    this.rows = compared
    const [fault] = isNow ? await this.live.storageFaults() : []
    if (fault !== undefined) throw new Disagreement(fault)
  }

  private async compareCheckpoints(live: RowReader, reached: Checkpoint): Promise<void> {
    for (const [projection, { position, sequence, event }] of await checkpointsOf(live, this.projections)) {
      if (position === reached.position && sequence === reached.sequence && event === reached.event) continue
      throw new Disagreement(`The checkpoint of ${projection} is not where the rows stand.`)
    }
  }

  private async digest(sequence: number): Promise<Digesting> {
    const stopped = new AbortController()
    const signal = AbortSignal.any([this.options.signal, stopped.signal])
    const ledgers = await ledgersOf(this.live, this.selection.ledger)
    const digests = this.digestStored(
      ledgers.map((ledger) => ({ ...this.selection, ledger, sequence })),
      { signal, onRead: (read) => this.tellDigested(read) },
    ).then((found) => found.map((digest, index) => ({ ledger: ledgers[index] as LedgerName, ...digest })))
    // Whether it went well is asked at the end.
    digests.catch(() => undefined)
    const stop = async (): Promise<void> => {
      stopped.abort()
      await Promise.allSettled([digests])
    }
    return { sequence, ledgers, digests, stop }
  }

  private async isOfWhatWasFolded({ sequence, ledgers }: Digesting): Promise<boolean> {
    const folded = await ledgersOf(this.scratch, this.selection.ledger)
    return sequence === this.refold.checkpoint.sequence && folded.every((ledger) => ledgers.includes(ledger))
  }

  /** Without ledgers that came later. */
  private async digestsOf({ digests }: Digesting): Promise<Digests> {
    const { ledger: one, meterId, customer, from, to } = this.selection
    const ledgers = new Set(await ledgersOf(this.scratch, one))
    const found = (await digests).filter(({ ledger }) => ledgers.has(ledger))
    if ([one, meterId, customer, from, to].some((part) => part !== null)) return found
    const records = found.reduce((sum, digest) => sum + digest.records, 0)
    if (records === this.beside.records) return found
    throw new Disagreement(`${this.beside.records} usage records were recorded, ${records} digested.`)
  }

  private tellFolded(events: number): void {
    const fraction = fractionOf(this.refold.checkpoint.sequence, this.wanted)
    this.options.onProgress({ phase: 'folding', done: events, fraction })
  }

  private async tellCompared(rows: number): Promise<void> {
    this.options.signal.throwIfAborted()
    this.rows += rows
    const fraction = fractionOf(this.rows, this.wantedRows)
    this.options.onProgress({ phase: 'comparing', done: this.rows, fraction })
    await nextTurn()
  }

  private tellDigested(read: number): void {
    if (!this.isWaiting) return
    this.options.onProgress({ phase: 'digesting', done: read, fraction: fractionOf(read, this.beside.records) })
  }
}
