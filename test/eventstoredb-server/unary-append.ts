/**
 * Streams.Append: one append a call, as older servers and calls with credentials of their own use it. A wrong revision
 * is a successful call that says so; everything else that goes wrong is a failed call.
 */
import { status, type ServerReadableStream, type sendUnaryData } from '@grpc/grpc-js'
import shared from '@eventstore/db-client/generated/shared_pb.js'
import messages from '@eventstore/db-client/generated/streams_pb.js'
import type { AppendReq, AppendResp } from '@eventstore/db-client/generated/streams_pb.js'
import { execute, type AppendOutcome, type ServerState } from './appending.js'
import type { Expected, ProposedEvent } from './event-log.js'
import { accessDenied, failure, nameOf, notLeader, sizeExceeded, streamDeleted } from './messages.js'

export function unaryAppend(
  state: ServerState,
  call: ServerReadableStream<AppendReq, AppendResp>,
  callback: sendUnaryData<AppendResp>,
): void {
  let stream = ''
  let expected: Expected = 'any'
  const events: ProposedEvent[] = []
  const requiresLeader = call.metadata.get('requires-leader').includes('true')
  call.on('data', (message: AppendReq) => {
    const options = message.getOptions()
    if (options !== undefined) {
      stream = nameOf(options.getStreamIdentifier())
      expected = expectedOf(options)
    }
    const proposed = message.getProposedMessage()
    if (proposed !== undefined) {
      events.push({
        id: proposed.getId()?.getString() ?? '',
        type: proposed.getMetadataMap().get('type') ?? '',
        contentType: proposed.getMetadataMap().get('content-type') ?? '',
        data: proposed.getData_asU8(),
        metadata: proposed.getCustomMetadata_asU8(),
      })
    }
  })
  call.on('end', () => {
    if (state.faults.leaderElsewhere && requiresLeader) return callback(notLeader(state.faults.leaderElsewhere))
    const bytes = events.reduce((sum, event) => sum + event.data.length, 0)
    if (bytes > state.appendBytesMax) return callback(sizeExceeded(state.appendBytesMax))
    execute(state, { stream, expected, events, requiresLeader }, (outcome) => {
      if (!call.cancelled) answer(stream, expected, outcome, callback)
    })
  })
}

function expectedOf(options: AppendReq.Options): Expected {
  if (options.hasNoStream()) return 'no_stream'
  if (options.hasStreamExists()) return 'stream_exists'
  if (options.hasAny()) return 'any'
  return BigInt(options.getRevision())
}

function answer(stream: string, expected: Expected, outcome: AppendOutcome, callback: sendUnaryData<AppendResp>): void {
  switch (outcome.kind) {
    case 'success': {
      const success = new messages.AppendResp.Success().setCurrentRevision(`${outcome.revision}`)
      if (outcome.position === null) success.setNoPosition(new shared.Empty())
      else
        success.setPosition(
          new messages.AppendResp.Position()
            .setCommitPosition(`${outcome.position}`)
            .setPreparePosition(`${outcome.position}`),
        )
      return callback(null, new messages.AppendResp().setSuccess(success))
    }
    case 'wrong-version': {
      const wrong = new messages.AppendResp.WrongExpectedVersion()
      if (outcome.current === null) wrong.setCurrentNoStream(new shared.Empty())
      else wrong.setCurrentRevision(`${outcome.current}`)
      if (expected === 'any') wrong.setExpectedAny(new shared.Empty())
      else if (expected === 'stream_exists') wrong.setExpectedStreamExists(new shared.Empty())
      else if (expected === 'no_stream') wrong.setExpectedNoStream(new shared.Empty())
      else wrong.setExpectedRevision(`${expected}`)
      return callback(null, new messages.AppendResp().setWrongExpectedVersion(wrong))
    }
    case 'deleted':
      return callback(streamDeleted(stream))
    case 'access-denied':
      return callback(accessDenied())
    case 'not-leader':
      return callback(notLeader(outcome.leader))
    case 'timeout':
      return callback(failure(status.ABORTED, 'Operation timed out'))
    case 'bad-request':
      return callback(failure(status.INVALID_ARGUMENT, outcome.message))
    case 'busy':
      return callback(failure(status.UNAVAILABLE, 'Server Is Too Busy'))
    case 'not-ready':
    case 'no-leader':
      return callback(failure(status.UNAVAILABLE, 'Server Is Not Ready'))
    case 'too-large':
    case 'half-close':
    case 'unknown':
      return callback(failure(status.UNKNOWN, 'Unknown'))
  }
}
