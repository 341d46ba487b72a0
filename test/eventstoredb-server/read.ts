/**
 * Streams.Read: reads of a stream or of everything, and subscriptions to everything. Reads start inclusively,
 * subscriptions exclusively. Checkpoints of a filtered subscription come every interval of considered events and on
 * going live; each is at or after the last event sent and strictly rises, but for the faults of some versions.
 */
import { randomUUID } from 'node:crypto'
import { status, type ServerWritableStream } from '@grpc/grpc-js'
import shared from '@eventstore/db-client/generated/shared_pb.js'
import messages from '@eventstore/db-client/generated/streams_pb.js'
import type { ReadReq, ReadResp } from '@eventstore/db-client/generated/streams_pb.js'
import type { ServerState } from './appending.js'
import type { LoggedEvent } from './event-log.js'
import type { ReadFault, ReadKind } from './faults.js'
import { accessDenied, failure, identifierOf, nameOf, notLeader, streamDeleted, uuidOf } from './messages.js'

export type ReadCall = ServerWritableStream<ReadReq, ReadResp>

const BACKWARDS = 1
const SERVER_SEARCH_WINDOW = 32
const GREATEST = 2n ** 64n - 1n

export function read(state: ServerState, call: ReadCall): void {
  const options = call.request.getOptions()
  if (options === undefined) return fail(call, failure(status.INVALID_ARGUMENT, 'no options'))
  const kind: ReadKind = options.hasSubscription() ? 'subscription' : options.hasAll() ? 'all' : 'stream'
  const { leaderElsewhere } = state.faults
  if (leaderElsewhere && call.metadata.get('requires-leader').includes('true'))
    return fail(call, notLeader(leaderElsewhere))
  const fault = state.faults.takeReadFault(kind)
  if (fault === 'ignore') return
  if (fault === 'unavailable') return fail(call, failure(status.UNAVAILABLE, 'Server Is Not Ready'))
  if (fault === 'denied') return fail(call, accessDenied())
  const sender = new Sender(state, call, fault)
  if (kind === 'subscription') void subscribe(state, sender, options)
  else if (kind === 'all') void sendCounted(sender, options, state.log.events, allStart(options))
  else readStream(state, sender, options)
}

function fail(call: ReadCall, error: Error): void {
  call.emit('error', error)
}

/** Writes no faster than the client takes it, and breaks off where the fault says so. */
class Sender {
  private sent = 0
  over = false

  constructor(
    private readonly state: ServerState,
    readonly call: ReadCall,
    private readonly fault: Exclude<ReadFault, string> | undefined,
  ) {
    call.on('cancelled', () => {
      this.over = true
    })
  }

  async event(event: LoggedEvent): Promise<void> {
    await this.write(new messages.ReadResp().setEvent(eventMessage(event)))
    this.sent++
    this.state.eventsSent++
    if (this.over || this.fault?.afterEvents !== this.sent) return
    this.over = true
    switch (this.fault.then) {
      case 'error':
        return fail(this.call, failure(status.UNAVAILABLE, 'The subscription was dropped'))
      case 'end':
        this.call.end()
        return
      case 'drop':
        return this.state.dropConnections()
      case 'ignore':
    }
  }

  async write(response: ReadResp): Promise<void> {
    if (this.over) return
    if (!this.call.write(response) && !this.call.cancelled) {
      await new Promise<void>((resolve) => {
        this.call.once('drain', resolve)
        this.call.once('cancelled', resolve)
      })
    }
  }

  end(): void {
    if (!this.over) this.call.end()
  }
}

function readStream(state: ServerState, sender: Sender, options: ReadReq.Options): void {
  const streamOptions = options.getStream()
  const stream = nameOf(streamOptions?.getStreamIdentifier())
  const events = state.log.read(stream)
  if (events === 'deleted') return fail(sender.call, streamDeleted(stream))
  if (events === null) {
    const notFound = new messages.ReadResp.StreamNotFound().setStreamIdentifier(identifierOf(stream))
    void sender.write(new messages.ReadResp().setStreamNotFound(notFound)).then(() => sender.end())
    return
  }
  const start = streamOptions?.hasStart() ? 0n : streamOptions?.hasEnd() ? null : BigInt(streamOptions!.getRevision())
  void sendCounted(sender, options, events, start === null ? null : { key: 'revision', at: start })
}

type Start = { readonly key: 'revision' | 'position'; readonly at: bigint } | null

/** Null starts at the end. */
function allStart(options: ReadReq.Options): Start {
  const all = options.getAll()
  if (all?.hasEnd()) return null
  const at = all?.hasPosition() ? BigInt(all.getPosition()!.getCommitPosition()) : 0n
  return { key: 'position', at }
}

async function sendCounted(
  sender: Sender,
  options: ReadReq.Options,
  events: readonly LoggedEvent[],
  start: Start,
): Promise<void> {
  const backwards = (options.getReadDirection() as number) === BACKWARDS
  const matches = filterOf(options)
  let left = BigInt(options.getCount())
  // A count read goes to the end as it was when it began.
  const chosen = backwards ? [...events].reverse() : [...events]
  for (const event of chosen) {
    if (left <= 0n || sender.over) break
    if (start === null && !backwards) break
    if (start !== null && (backwards ? event[start.key] > start.at : event[start.key] < start.at)) continue
    if (!matches(event)) continue
    left--
    await sender.event(event)
  }
  sender.end()
}

async function subscribe(state: ServerState, sender: Sender, options: ReadReq.Options): Promise<void> {
  const { log, faults } = state
  const all = options.getAll()
  const filter = options.getFilter()
  if (all === undefined) return fail(sender.call, failure(status.INVALID_ARGUMENT, 'only $all is served'))
  if (filter?.getCheckpointintervalmultiplier() === 0)
    return fail(sender.call, failure(status.INVALID_ARGUMENT, 'checkpoint interval multiplier must be above 0'))
  const interval = filter
    ? filter.getCheckpointintervalmultiplier() * (filter.hasMax() ? filter.getMax() : SERVER_SEARCH_WINDOW)
    : Infinity
  const matches = filterOf(options)
  const confirmation = new messages.ReadResp.SubscriptionConfirmation().setSubscriptionId(randomUUID())
  await sender.write(new messages.ReadResp().setConfirmation(confirmation))

  const after = all.hasPosition() ? BigInt(all.getPosition()!.getCommitPosition()) : -1n
  let next = all.hasEnd() ? log.events.length : firstAfter(log.events, after)
  let considered = 0
  let lastCheckpoint = -1n
  let live = false
  const checkpoint = async (position: bigint) => {
    if (filter === undefined || position <= lastCheckpoint || sender.over) return
    lastCheckpoint = position
    const message = new messages.ReadResp.Checkpoint()
      .setCommitPosition(`${position}`)
      .setPreparePosition(`${position}`)
    await sender.write(new messages.ReadResp().setCheckpoint(message))
  }
  const written = (): Promise<void> =>
    new Promise((resolve) => {
      const stop = log.watch(done)
      function done() {
        stop()
        resolve()
      }
      sender.call.once('cancelled', done)
    })
  while (!sender.over) {
    const event = log.events[next]
    if (event !== undefined) {
      next++
      considered++
      if (matches(event)) await sender.event(event)
      if (considered % interval === 0) await checkpoint(event.position)
      continue
    }
    if (!live) {
      live = true
      const { checkpointAhead } = faults
      if (checkpointAhead !== undefined) {
        while (log.events[next] === undefined && !sender.over) await written()
        await checkpoint(log.events[next]?.position ?? -1n)
        if (checkpointAhead === 'of-loss') return state.dropConnections()
      } else if (!faults.withoutCaughtUp) {
        const isFromStart = !all.hasPosition() && !all.hasEnd()
        const isOfNothing = isFromStart && lastCheckpoint < 0n && !log.events.some(matches)
        const last = log.events.at(-1)
        if (faults.checkpointOfNothing && isOfNothing) await checkpoint(GREATEST)
        else if (last !== undefined) await checkpoint(last.position)
        await sender.write(new messages.ReadResp().setCaughtUp(new messages.ReadResp.CaughtUp()))
      }
      continue
    }
    await written()
  }
}

function firstAfter(events: readonly LoggedEvent[], position: bigint): number {
  let [low, high] = [0, events.length]
  while (low < high) {
    const middle = (low + high) >> 1
    if (events[middle]!.position > position) high = middle
    else low = middle + 1
  }
  return low
}

function filterOf(options: ReadReq.Options): (event: LoggedEvent) => boolean {
  const filter = options.getFilter()
  if (filter === undefined) return () => true
  const byStream = filter.getStreamIdentifier()
  const expression = byStream ?? filter.getEventType()
  if (expression === undefined) return () => true
  const text = byStream !== undefined ? (event: LoggedEvent) => event.stream : (event: LoggedEvent) => event.type
  const regex = expression.getRegex()
  if (regex !== '') {
    const compiled = new RegExp(regex)
    return (event) => compiled.test(text(event))
  }
  const prefixes = expression.getPrefixList()
  return (event) => prefixes.some((prefix) => text(event).startsWith(prefix))
}

function eventMessage(event: LoggedEvent): ReadResp.ReadEvent {
  const recorded = new messages.ReadResp.ReadEvent.RecordedEvent()
    .setId(uuidOf(event.id))
    .setStreamIdentifier(identifierOf(event.stream))
    .setStreamRevision(`${event.revision}`)
    .setCommitPosition(`${event.position}`)
    .setPreparePosition(`${event.position}`)
    .setCustomMetadata(event.metadata)
    .setData(event.data)
  const metadata = recorded.getMetadataMap()
  metadata.set('type', event.type)
  metadata.set('content-type', event.contentType)
  metadata.set('created', event.created)
  return new messages.ReadResp.ReadEvent().setEvent(recorded).setCommitPosition(`${event.position}`)
}

export const empty = (): InstanceType<typeof shared.Empty> => new shared.Empty()
