/**
 * Executes one append, whichever way it came, with the fault it is due. `reply` is called at most once, and not at all
 * where the fault is silence or a lost connection.
 */
import type { AppendResult, EventLog, Expected, ProposedEvent } from './event-log.js'
import type { Endpoint, Faults, ReceivedAppend } from './faults.js'

export interface ServerState {
  readonly log: EventLog
  readonly faults: Faults
  readonly received: ReceivedAppend[]
  /** Events sent to readers of any kind. */
  eventsSent: number
  /** Through 25.0 servers count the data bytes of a whole append. */
  readonly appendBytesMax: number
  dropConnections(): void
}

export interface AppendRequest {
  readonly stream: string
  readonly expected: Expected
  readonly events: readonly ProposedEvent[]
  readonly requiresLeader: boolean
}

export type AppendOutcome =
  | { readonly kind: 'success'; readonly revision: bigint; readonly position: bigint | null }
  | Exclude<AppendResult, { kind: 'success' }>
  | { readonly kind: 'bad-request'; readonly message: string }
  | { readonly kind: 'not-leader'; readonly leader: Endpoint }
  | {
      readonly kind:
        'busy' | 'not-ready' | 'no-leader' | 'timeout' | 'access-denied' | 'too-large' | 'unknown' | 'half-close'
    }

const UUID_TEXT = /^[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}$/i

export function execute(state: ServerState, append: AppendRequest, reply: (outcome: AppendOutcome) => void): void {
  const { log, faults } = state
  const { stream, expected, events, requiresLeader } = append
  const received = { stream, expected, ids: events.map(({ id }) => id), requiresLeader }
  state.received.push(received)
  faults.beforeAppend?.(received)
  if (events.some(({ id, type }) => !UUID_TEXT.test(id) || type === ''))
    return reply({ kind: 'bad-request', message: 'Invalid event' })

  const write = () => log.append(stream, expected, events)
  const fault = faults.takeAppendFault()
  switch (fault) {
    case undefined:
      return reply(write())
    case 'ignore':
      return
    case 'write-silently':
      write()
      return
    case 'write-and-hold': {
      const result = write()
      return faults.hold(() => reply(result))
    }
    case 'hold':
      return faults.hold(() => reply(write()))
    case 'drop':
      return state.dropConnections()
    case 'write-then-drop':
      write()
      return state.dropConnections()
    case 'no-position': {
      const result = write()
      return reply(result.kind === 'success' ? { ...result, position: null } : result)
    }
    case 'bad-request':
      return reply({ kind: 'bad-request', message: 'The server did not like it' })
    case 'busy':
    case 'not-ready':
    case 'no-leader':
    case 'timeout':
    case 'access-denied':
    case 'unknown':
    case 'half-close':
      return reply({ kind: fault })
    default:
      return reply({ kind: 'not-leader', leader: fault.notLeader })
  }
}
