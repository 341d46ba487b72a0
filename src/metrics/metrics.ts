/**
 * What an operator watches, in the text format of Prometheus. Who asks for it needs no key, so nothing in it names a ledger, a
 * meter, a customer or a key, and there are only so many series however long the service runs.
 */
import { collectDefaultMetrics, Counter, Gauge, Histogram, Registry } from 'prom-client'

/** Since the start of the process, by what is counted. */
export type Counts = Readonly<Record<string, number>>

/** A look at the service. */
export interface Observed {
  readonly isReady: boolean
  /** null: it has neither answered nor failed to for a while. */
  readonly isEventStoreReachable: boolean | null
  readonly areProjectionsStopped: boolean
  /** Whether this process writes the read model, or follows another one that does. */
  readonly isWriting: boolean
  /** In the rows. */
  readonly usageEvents: number
  /** For how long something acknowledged has not been in the rows. */
  readonly behindMs: number
  readonly isRebuildRunning: boolean
  /** That the last one since the start found which came to its end. */
  readonly rebuildDifferences: number
  readonly isAuditRunning: boolean
  /** When one last agreed since the start, and when one last did not. */
  readonly lastVerdicts: { readonly agreedAt: number | null; readonly doubtedAt: number | null }
  /** Reports and cancellations by what became of them. */
  readonly usageCommands: Counts
  /** Events that the stream refused, by error code. */
  readonly rejectedEvents: Counts
  readonly connections: number
  readonly liveConnections: number
  /** Of bodies that are received or worked on, and of answers that wait to be taken. */
  readonly bytesInHand: { readonly requests: number; readonly answers: number }
}

export interface MetricsOptions {
  readonly version: string
  readonly eventStore: string
  readonly readModel: string
  readonly observe: () => Promise<Observed>
}

const DURATION_BUCKETS_S = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10]
/** Of a request that asked for nothing there is; whatever its method was, for clients make them up. */
const NONE = 'none'

export class Metrics {
  private readonly registry = new Registry()
  readonly contentType = this.registry.contentType
  private readonly durations: Histogram<'method' | 'route' | 'status'>
  private readonly durationOf = new Map<string, Histogram.Internal<'method' | 'route' | 'status'>>()
  private readonly show: (observed: Observed) => void

  constructor(private readonly options: MetricsOptions) {
    const registers = [this.registry]
    collectDefaultMetrics({ register: this.registry })
    this.durations = new Histogram({
      name: 'meterbook_http_request_duration_seconds',
      help: 'From the arrival of a request to the end of its answer; status 499 where that was not taken whole.',
      labelNames: ['method', 'route', 'status'],
      buckets: DURATION_BUCKETS_S,
      registers,
    })
    const { version, eventStore, readModel } = options
    new Gauge({
      name: 'meterbook_build_info',
      help: 'What runs; always 1.',
      labelNames: ['version', 'event_store', 'read_model'],
      registers,
    }).set({ version, event_store: eventStore, read_model: readModel }, 1)
    this.show = shown(this.registry)
  }

  /** `route`: as the code writes it, without what a client put in its place; undefined where there is none. */
  answered(method: string, route: string | undefined, status: number, durationMs: number): void {
    const asked = route === undefined ? { method: NONE, route: NONE } : { method, route }
    const key = `${asked.method} ${asked.route} ${status}`
    let duration = this.durationOf.get(key)
    if (!duration) {
      // To find it by its labels takes several times as long as to count.
      duration = this.durations.labels({ ...asked, status })
      this.durationOf.set(key, duration)
    }
    duration.observe(durationMs / 1000)
  }

  /** Looks at the service once for all of it. */
  async text(): Promise<string> {
    this.show(await this.options.observe())
    return this.registry.metrics()
  }
}

/** What is known only by looking. */
function shown(registry: Registry): (observed: Observed) => void {
  const registers = [registry]
  const gauge = (name: string, help: string): Gauge => new Gauge({ name: `meterbook_${name}`, help, registers })
  const counter = <Label extends string>(name: string, help: string, label: Label) => {
    const counted = new Counter({ name: `meterbook_${name}_total`, help, labelNames: [label], registers })
    return (counts: Counts): void => {
      counted.reset()
      for (const [value, count] of Object.entries(counts))
        counted.inc({ [label]: value } as Record<Label, string>, count)
    }
  }
  const ready = gauge('ready', 'Whether the service can serve (1), as /readyz says.')
  const reachable = gauge(
    'event_store_reachable',
    'Whether the event store answers (1); not a number while it is asked for long.',
  )
  const stopped = gauge('projections_stopped', 'Whether projections stopped (1): numbers are no longer given.')
  const writing = gauge(
    'read_model_writing',
    'Whether this process writes the read model (1) or follows another one (0).',
  )
  const usageEvents = gauge('projected_usage_events', 'Usage events of the log that are in the rows.')
  const behind = gauge('projection_behind_seconds', 'For how long something acknowledged has not been in the rows.')
  const rebuildRunning = gauge('rebuild_running', 'Whether projections are being built anew (1).')
  const rebuildDifferences = gauge(
    'rebuild_differences',
    'Rows that the last rebuild completed since the start found different.',
  )
  const auditRunning = gauge('audit_running', 'Whether an audit runs (1).')
  const auditEnded = new Gauge({
    name: 'meterbook_audit_last_end_timestamp_seconds',
    help: 'When an audit last agreed since the start, and when one last did not; nothing before the first of each.',
    labelNames: ['agrees'],
    registers,
  })
  const commands = counter(
    'usage_commands',
    'Reports and cancellations of usage that were decided, by what became of them.',
    'outcome',
  )
  const rejected = counter(
    'rejected_events',
    'Events that the stream refused and keeps as rejections, by error code.',
    'code',
  )
  const connections = gauge('http_connections', 'Open connections.')
  const live = gauge('live_connections', 'Open connections that are told of changes.')
  const requests = gauge('request_bytes_in_hand', 'Of longer bodies that are received or worked on.')
  const answers = gauge('answer_bytes_in_hand', 'Of longer answers that wait to be taken.')
  return (observed) => {
    ready.set(Number(observed.isReady))
    reachable.set(observed.isEventStoreReachable === null ? NaN : Number(observed.isEventStoreReachable))
    stopped.set(Number(observed.areProjectionsStopped))
    writing.set(Number(observed.isWriting))
    usageEvents.set(observed.usageEvents)
    behind.set(observed.behindMs / 1000)
    rebuildRunning.set(Number(observed.isRebuildRunning))
    rebuildDifferences.set(observed.rebuildDifferences)
    auditRunning.set(Number(observed.isAuditRunning))
    const { agreedAt, doubtedAt } = observed.lastVerdicts
    if (agreedAt !== null) auditEnded.set({ agrees: 'true' }, agreedAt / 1000)
    if (doubtedAt !== null) auditEnded.set({ agrees: 'false' }, doubtedAt / 1000)
    commands(observed.usageCommands)
    rejected(observed.rejectedEvents)
    connections.set(observed.connections)
    live.set(observed.liveConnections)
    requests.set(observed.bytesInHand.requests)
    answers.set(observed.bytesInHand.answers)
  }
}
