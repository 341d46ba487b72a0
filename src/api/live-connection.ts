/**
 * What one listener is told, as server-sent events: which topics changed, not how. Changes that come close together are
 * told as one; none is lost, and a listener who does not read costs no more memory than one message.
 */
import { Readable } from 'node:stream'
import { position } from './answer-fields.js'
import { choice, listOf, namedObject, type TypeOf } from './stripe/answer-schemas.js'
import { topics as allTopics, type LedgerListener, type Topic } from '../queries/ledger-changes.js'

/** Of each message. */
export const LiveChange = namedObject('LiveChange', {
  topics: listOf(choice(allTopics), 'What there is to read anew.'),
  position,
})
type LiveChange = TypeOf<typeof LiveChange>

/** From one message to the next. */
export const MESSAGE_INTERVAL_MS = 500
/** Proxies close a connection on which nothing comes for long. */
export const HEARTBEAT_INTERVAL_MS = 15_000
/** After which a browser that lost the connection tries again. */
const RECONNECT_MS = 2_000

export interface LiveConnectionOptions {
  /** What the rows reflect now. */
  readonly position: () => string | null
  /** Asked before every message. */
  readonly mayGoOn: () => Promise<boolean>
  readonly heartbeatMs?: number
}

export class LiveConnection implements LedgerListener {
  /** The body of the answer; it is closed by whichever side ends first. */
  readonly body = new Readable({ read: () => undefined })
  private readonly pending = new Set<Topic>()
  private readonly heartbeat: NodeJS.Timeout
  private next: NodeJS.Timeout | null = null
  private sentAt = -Infinity
  private isOver = false

  constructor(private readonly options: LiveConnectionOptions) {
    this.heartbeat = setInterval(() => this.beat(), options.heartbeatMs ?? HEARTBEAT_INTERVAL_MS)
    this.body.on('close', () => this.stop())
    this.body.push(`retry: ${RECONNECT_MS}\n\n`)
    // What changed between the listener's last look and this moment is covered by looking at everything once more.
    this.changed(new Set(allTopics))
  }

  changed(topics: ReadonlySet<Topic>): void {
    for (const topic of topics) this.pending.add(topic)
    if (this.next !== null || this.isOver) return
    const passedMs = performance.now() - this.sentAt
    this.next = setTimeout(() => void this.send(), Math.max(0, MESSAGE_INTERVAL_MS - passedMs))
  }

  keysChanged(): void {
    void this.mayGoOn()
  }

  /** After what was said so far. */
  end(): void {
    if (this.isOver) return
    this.stop()
    this.body.push(null)
  }

  /** Whether the listener has not taken what it was sent. */
  private get isBehind(): boolean {
    return this.body.readableLength > 0
  }

  private async send(): Promise<void> {
    const mayGoOn = await this.mayGoOn()
    this.next = null
    if (!mayGoOn) return
    this.sentAt = performance.now()
    if (this.isBehind) return this.changed(new Set())
    const data: LiveChange = { topics: [...this.pending], position: this.options.position() }
    this.pending.clear()
    this.body.push(`event: changed\ndata: ${JSON.stringify(data)}\n\n`)
  }

  /** A listener who has not read for so long is dropped; it finds out what it missed when it comes again. */
  private beat(): void {
    if (this.isBehind) this.body.destroy()
    else void this.mayGoOn().then((mayGoOn) => mayGoOn && this.body.push(': still here\n\n'))
  }

  private async mayGoOn(): Promise<boolean> {
    // Where it cannot be told, whoever may will come again.
    const mayGoOn = !this.isOver && (await this.options.mayGoOn().catch(() => false))
    if (!mayGoOn) this.end()
    return mayGoOn && !this.isOver
  }

  private stop(): void {
    this.isOver = true
    clearInterval(this.heartbeat)
    if (this.next) clearTimeout(this.next)
  }
}
