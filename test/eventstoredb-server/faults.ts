/**
 * What the test server does wrong, and when. Everything is off until a test asks for it; what is queued with a number
 * of times happens that often and is over.
 */
import type { Expected } from './event-log.js'

export interface Endpoint {
  readonly host: string
  readonly port: number
}

export type AppendFault =
  /** Neither written nor answered. */
  | 'ignore'
  /** Written, never answered. */
  | 'write-silently'
  /** Written; answered on `release()`. */
  | 'write-and-hold'
  /** Waits unwritten in the server's queue until `release()`. */
  | 'hold'
  /** The connection is lost, nothing is written. */
  | 'drop'
  /** Written, then the connection is lost before the answer. */
  | 'write-then-drop'
  /** The server ends its side of the batch stream in good order, answering nothing. */
  | 'half-close'
  | 'busy'
  | 'not-ready'
  | 'no-leader'
  | 'timeout'
  | 'access-denied'
  | 'bad-request'
  | 'unknown'
  /** Success without the position of what was written. */
  | 'no-position'
  | { readonly notLeader: Endpoint }

export type ReadKind = 'stream' | 'all' | 'subscription'

export type ReadFault =
  /** Accepted, then silence. */
  | 'ignore'
  | 'unavailable'
  /** The user may not read this. */
  | 'denied'
  /** After `events` events: the call fails, ends in good order, stops, or takes the connection with it. */
  | { readonly afterEvents: number; readonly then: 'error' | 'end' | 'ignore' | 'drop' }

interface Queued<Fault> {
  readonly fault: Fault
  times: number
}

export interface ReceivedAppend {
  readonly stream: string
  readonly expected: Expected
  readonly ids: readonly string[]
  readonly requiresLeader: boolean
}

export class Faults {
  /** How far the server's clock is ahead of the client's. */
  clockAheadMs = 0
  /** As a server before 23.10: subscriptions never say that they caught up, and send no checkpoint on going live. */
  withoutCaughtUp = false
  /** As 24.2: on going live from the beginning where nothing matched, the checkpoint is the greatest number there is. */
  checkpointOfNothing = false
  /**
   * As 22.10: nothing says that a subscription caught up, and the checkpoint on going live is that of the next event, which
   * is only written then; that follows, or the connection is lost before it does.
   */
  checkpointAhead: 'of-event' | 'of-loss' | undefined
  /** The server stops reading its batch streams, so that the client's buffers fill up. */
  readsNoAppends = false
  /** `GetSupportedMethods` fails this many times, in a way the client keeps for ever. */
  capabilityFailures = 0
  /** Gossip fails this many times. */
  discoveryFailures = 0
  /** This node is no leader: calls that require one are refused, naming it. */
  leaderElsewhere: Endpoint | undefined
  /** Called before an append is executed: where another writer slips in. */
  beforeAppend: ((append: ReceivedAppend) => void) | undefined

  private readonly appendFaults: Queued<AppendFault>[] = []
  private readonly readFaults: (Queued<ReadFault> & { readonly kind: ReadKind })[] = []
  private held: (() => void)[] = []

  onAppend(fault: AppendFault, times = 1): void {
    this.appendFaults.push({ fault, times })
  }

  onRead(kind: ReadKind, fault: ReadFault, times = 1): void {
    this.readFaults.push({ kind, fault, times })
  }

  takeAppendFault(): AppendFault | undefined {
    return take(this.appendFaults, () => true)
  }

  takeReadFault(kind: ReadKind): ReadFault | undefined {
    return take(this.readFaults, (queued) => queued.kind === kind)
  }

  hold(resume: () => void): void {
    this.held.push(resume)
  }

  get heldCount(): number {
    return this.held.length
  }

  /** Lets everything held go on, last in first out when `reversed`. */
  release({ reversed = false } = {}): void {
    const held = reversed ? this.held.reverse() : this.held
    this.held = []
    for (const resume of held) resume()
  }

  /** A server that died forgets what it had only queued. */
  forgetHeld(): void {
    this.held = []
  }
}

function take<Fault, Entry extends Queued<Fault>>(
  queue: (Entry & Queued<Fault>)[],
  matches: (queued: Entry) => boolean,
): Fault | undefined {
  const index = queue.findIndex(matches)
  const queued = queue[index]
  if (queued === undefined) return undefined
  queued.times--
  if (queued.times <= 0) queue.splice(index, 1)
  return queued.fault
}
