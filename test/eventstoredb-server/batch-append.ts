/**
 * Streams.BatchAppend: one long-lived stream of appends a connection. Messages are taken strictly in order; answers
 * leave as they are ready and are told apart by their correlation id. A message for an append nobody knows is ignored.
 */
import type { ServerDuplexStream } from '@grpc/grpc-js'
import shared from '@eventstore/db-client/generated/shared_pb.js'
import statusMessages from '@eventstore/db-client/generated/status_pb.js'
import messages from '@eventstore/db-client/generated/streams_pb.js'
import type { BatchAppendReq, BatchAppendResp } from '@eventstore/db-client/generated/streams_pb.js'
import type { UUID } from '@eventstore/db-client/generated/shared_pb.js'
import anyMessages from 'google-protobuf/google/protobuf/any_pb.js'
import emptyMessages from 'google-protobuf/google/protobuf/empty_pb.js'
import type { Message } from 'google-protobuf'
import type { Expected, ProposedEvent } from './event-log.js'
import type { AppendOutcome, AppendRequest, ServerState } from './appending.js'
import { execute } from './appending.js'
import { identifierOf, nameOf, notLeader } from './messages.js'

/** The server's own limit on how long an append may take to be finalised. */
const WRITE_TIMEOUT_MS = 2000

interface Pending extends AppendRequest {
  readonly correlation: UUID
  readonly events: ProposedEvent[]
  readonly timer: NodeJS.Timeout
}

export function batchAppend(state: ServerState, call: ServerDuplexStream<BatchAppendReq, BatchAppendResp>): void {
  const requiresLeader = call.metadata.get('requires-leader').includes('true')
  const pending = new Map<string, Pending>()
  let executing = 0
  let halfClosed = false

  const write = (response: BatchAppendResp) => {
    if (!call.cancelled && !call.destroyed && !call.writableEnded) call.write(response)
  }
  const endIfDone = () => {
    if (halfClosed && executing === 0 && pending.size === 0) call.end()
  }

  const forget = (key: string) => {
    clearTimeout(pending.get(key)?.timer)
    pending.delete(key)
  }

  const run = (append: Pending) => {
    executing++
    execute(state, append, (outcome) => {
      executing--
      if (outcome.kind === 'half-close') call.end()
      else if (outcome.kind === 'not-leader') call.emit('error', notLeader(outcome.leader))
      else {
        write(answer(append.correlation, append.stream, append.expected, outcome))
        endIfDone()
      }
    })
  }

  call.on('data', (message: BatchAppendReq) => {
    const correlation = message.getCorrelationId()
    if (correlation === undefined) return
    const key = correlation.getString()
    const options = message.getOptions()
    if (options !== undefined) {
      const stream = nameOf(options.getStreamIdentifier())
      const expected = expectedOf(options)
      const deadline = options.getDeadline()?.toDate().getTime() ?? Infinity
      const remaining = Math.min(WRITE_TIMEOUT_MS, deadline - (Date.now() + state.faults.clockAheadMs))
      const refused = (outcome: AppendOutcome) => write(answer(correlation, stream, expected, outcome))
      if (stream === '') return refused({ kind: 'bad-request', message: 'Required field Stream Identifier is missing' })
      if (remaining <= 0) return refused({ kind: 'timeout' })
      if (state.faults.leaderElsewhere && requiresLeader) {
        call.emit('error', notLeader(state.faults.leaderElsewhere))
        return
      }
      const timer = setTimeout(() => {
        forget(key)
        refused({ kind: 'timeout' })
      }, remaining).unref()
      pending.set(key, { correlation, stream, expected, events: [], timer, requiresLeader })
    }
    const append = pending.get(key)
    if (append === undefined) return
    for (const proposed of message.getProposedMessagesList()) {
      append.events.push({
        id: proposed.getId()?.getString() ?? '',
        type: proposed.getMetadataMap().get('type') ?? '',
        contentType: proposed.getMetadataMap().get('content-type') ?? '',
        data: proposed.getData_asU8(),
        metadata: proposed.getCustomMetadata_asU8(),
      })
    }
    const bytes = append.events.reduce((sum, event) => sum + event.data.length, 0)
    if (bytes > state.appendBytesMax) {
      forget(key)
      write(answer(correlation, append.stream, append.expected, { kind: 'too-large' }, state.appendBytesMax))
      return
    }
    if (!message.getIsFinal()) return
    forget(key)
    run(append)
  })
  call.on('end', () => {
    halfClosed = true
    endIfDone()
  })
  call.on('cancelled', () => {
    for (const key of [...pending.keys()]) forget(key)
  })
  if (state.faults.readsNoAppends) call.pause()
}

function expectedOf(options: BatchAppendReq.Options): Expected {
  if (options.hasNoStream()) return 'no_stream'
  if (options.hasStreamExists()) return 'stream_exists'
  if (options.hasAny()) return 'any'
  return BigInt(options.getStreamPosition())
}

function answer(
  correlation: UUID,
  stream: string,
  expected: Expected,
  outcome: AppendOutcome,
  appendBytesMax = 0,
): BatchAppendResp {
  const response = new messages.BatchAppendResp()
    .setCorrelationId(correlation)
    .setStreamIdentifier(identifierOf(stream))
  switch (outcome.kind) {
    case 'success': {
      const success = new messages.BatchAppendResp.Success().setCurrentRevision(`${outcome.revision}`)
      if (outcome.position === null) success.setNoPosition(new emptyMessages.Empty())
      else
        success.setPosition(
          new shared.AllStreamPosition()
            .setCommitPosition(`${outcome.position}`)
            .setPreparePosition(`${outcome.position}`),
        )
      return response.setSuccess(success)
    }
    case 'wrong-version': {
      const detail = new shared.WrongExpectedVersion()
      if (outcome.current === null) detail.setCurrentNoStream(new emptyMessages.Empty())
      else detail.setCurrentStreamRevision(`${outcome.current}`)
      if (expected === 'any') detail.setExpectedAny(new emptyMessages.Empty())
      else if (expected === 'stream_exists') detail.setExpectedStreamExists(new emptyMessages.Empty())
      else if (expected === 'no_stream') detail.setExpectedNoStream(new emptyMessages.Empty())
      else detail.setExpectedStreamPosition(`${expected}`)
      return response.setError(error(6, 'WrongExpectedVersion', detail))
    }
    case 'deleted':
      return response.setError(
        error(5, 'StreamDeleted', new shared.StreamDeleted().setStreamIdentifier(identifierOf(stream))),
      )
    case 'access-denied':
      return response.setError(error(7, 'AccessDenied', new shared.AccessDenied()))
    case 'timeout':
      return response.setError(error(4, 'Timeout', new shared.Timeout()))
    case 'too-large':
      return response.setError(
        error(3, 'MaximumAppendSizeExceeded', new shared.MaximumAppendSizeExceeded().setMaxappendsize(appendBytesMax)),
      )
    case 'bad-request':
      return response.setError(error(3, 'BadRequest', new shared.BadRequest().setMessage(outcome.message)))
    case 'busy':
      return response.setError(emptyError('Server Is Busy'))
    case 'not-ready':
      return response.setError(emptyError('Server Is Not Ready'))
    case 'no-leader':
      return response.setError(emptyError('No leader info available in response'))
    case 'unknown':
    case 'half-close':
    case 'not-leader':
      return response.setError(error(2, 'Unknown', new shared.Unknown()))
  }
}

type Status = InstanceType<typeof statusMessages.Status>

function error(code: 2 | 3 | 4 | 5 | 6 | 7, name: string, detail: Message): Status {
  const any = new anyMessages.Any()
  any.pack(detail.serializeBinary(), `event_store.client.${name}`)
  return new statusMessages.Status().setCode(code).setMessage(name).setDetails(any)
}

/** The node cannot serve just now: status 0 with an empty detail, told apart by its text alone. */
function emptyError(message: string): Status {
  const any = new anyMessages.Any()
  any.pack(new emptyMessages.Empty().serializeBinary(), 'google.protobuf.Empty')
  return new statusMessages.Status().setCode(0).setMessage(message).setDetails(any)
}
