/**
 * Refusals as data: one row for each rejection, and how many there were of each kind in each window of their receipt, with
 * the first few as samples: what an error report says. A report tells what happened and stays as it is when a rejection is
 * resolved; only the count of resolved ones grows.
 */
import type { UsageRejected } from '../domain/usage-rejections.js'
import { DAY_MS } from '../domain/time-bucket.js'
import { ledgerOf } from '../event-store/streams.js'
import type { RowWriter } from '../read-model/read-model.js'
import {
  usageRejections,
  usageRejectionWindows,
  type UsageRejectionRow,
  type UsageRejectionWindowRow,
} from '../read-model/tables.js'
import { ProjectionStopped, type ProjectedEvent, type Projection } from './projection.js'

/** Length of the windows of error reports: Stripe's. */
export const REPORT_WINDOW_MS = 10_000
/** Samples of one code in one report. */
export const REPORT_SAMPLES_MAX = 10

export interface RejectionSample {
  readonly error_message: string
  readonly identifier: string
}

export const usageRejectionsProjection: Projection = {
  projection: 'usage-rejections',
  schema: 2,
  tables: [usageRejections, usageRejectionWindows],

  async apply(events, rows) {
    const book = new RejectionBook(rows)
    for (const projected of events) {
      const { event, stream, revision } = projected
      if (event.type === 'UsageRejected') {
        const row = rejectionRow(ledgerOf(stream), revision, event.data)
        book.put(row)
        await book.count(row, 'errors')
      } else if (event.type === 'UsageRejectionResolved') {
        const row = await book.find(ledgerOf(stream), event.data.rejection)
        if (!row) throw new ProjectionStopped(describe(projected))
        // Two processes may have retried it at the same moment: it counted once, and the first to say so resolved it.
        if (row.status === 'resolved') continue
        const { at, meterId } = event.data
        book.put({ ...row, status: 'resolved', resolvedAt: at, resolvedRevision: revision, resolvedMeterId: meterId })
        await book.count(row, 'resolved')
      }
    }
    await book.save()
  },
}

/** The rows a batch touches, each read and written once. */
class RejectionBook {
  private readonly rejections = new Map<string, UsageRejectionRow>()
  private readonly windows = new Map<string, UsageRejectionWindowRow>()

  constructor(private readonly rows: RowWriter) {}

  put(row: UsageRejectionRow): void {
    this.rejections.set(`${row.ledger} ${row.revision}`, row)
  }

  async find(ledger: string, revision: number): Promise<UsageRejectionRow | undefined> {
    const known = this.rejections.get(`${ledger} ${revision}`)
    return known ?? (await this.rows.get(usageRejections, [[ledger, revision]]))[0]
  }

  async count(rejection: UsageRejectionRow, what: 'errors' | 'resolved'): Promise<void> {
    for (const size of [REPORT_WINDOW_MS, DAY_MS]) {
      const row = await this.window(rejection, size)
      const samples = what === 'errors' && size === REPORT_WINDOW_MS ? withSample(row.samples, rejection) : row.samples
      this.windows.set(keyOf(row).join(' '), { ...row, [what]: row[what] + 1, samples })
    }
  }

  async save(): Promise<void> {
    await this.rows.put(usageRejections, [...this.rejections.values()])
    await this.rows.put(usageRejectionWindows, [...this.windows.values()])
  }

  private async window(rejection: UsageRejectionRow, size: number): Promise<UsageRejectionWindowRow> {
    const { ledger, meterId, receivedAt, code } = rejection
    const start = Math.floor(receivedAt / size) * size
    const empty = { ledger, meterId: meterId ?? '', size, start, code, errors: 0, resolved: 0, samples: '[]' }
    const key = keyOf(empty)
    const known = this.windows.get(key.join(' '))
    return known ?? (await this.rows.get(usageRejectionWindows, [key]))[0] ?? empty
  }
}

function keyOf({ ledger, meterId, size, start, code }: UsageRejectionWindowRow): (string | number)[] {
  return [ledger, meterId, size, start, code]
}

function withSample(samples: string, { message, identifier }: UsageRejectionRow): string {
  const known = JSON.parse(samples) as RejectionSample[]
  if (known.length >= REPORT_SAMPLES_MAX) return samples
  const sample: RejectionSample = { error_message: message, identifier }
  return JSON.stringify([...known, sample])
}

function rejectionRow(ledger: string, revision: number, rejected: UsageRejected): UsageRejectionRow {
  const { meterId, eventName, identifier, code, message, event, index, receivedAt } = rejected
  return {
    ledger,
    revision,
    meterId,
    eventName,
    identifier,
    code,
    message,
    event,
    place: index,
    receivedAt,
    status: 'open',
    resolvedAt: null,
    resolvedRevision: null,
    resolvedMeterId: null,
  }
}

function describe({ stream, revision }: ProjectedEvent): string {
  return `Event ${revision} of stream ${stream} resolves a rejection that is not there.`
}
