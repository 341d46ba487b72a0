/**
 * Building, trying out and throwing away clients of EventStoreDB. A client is tried with one awaited call before
 * anything else uses it: the first append of a cold one would be sent after the ones started later. Each has a connection
 * of its own. Throwing away is bounded in time, and closes the connection, which the client's own `dispose` leaves open.
 */
import { END, EventStoreDBClient, NotLeaderError, StreamNotFoundError } from '@eventstore/db-client'
import { setTimeout as delay } from 'node:timers/promises'
import { connectionStringProblem, withoutWarnings } from './eventstoredb-connection-string.js'
import { NoAnswer } from './eventstoredb-errors.js'

/** A name that no stream has; reading it touches the whole way to the leader and back. */
const PROBED_STREAM = 'meterbook~probe'
/** A follower names the leader, and the client then connects to it. */
const PROBE_REDIRECTS_MAX = 3
/** The client's own default. */
const KEEP_ALIVE_TIMEOUT_MS = 10_000
/** Clients of a thread that differ from each other, far more than there are at once. */
const DIFFERENT_CLIENTS = 1_000

let clients = 0

export type Connect = () => EventStoreDBClient

export function connector(url: string): Connect {
  const problem = connectionStringProblem(url)
  if (problem !== null) throw new Error(`Not a connection string of EventStoreDB: ${problem}`)
  const quiet = withoutWarnings(url)
  return () => EventStoreDBClient.connectionString(ofItsOwn(quiet, clients++ % DIFFERENT_CLIENTS))
}

/**
 * gRPC has all channels of a thread share a connection that go to one address with the same options, so that a new client would
 * be given the connection for which the last one was thrown away, as long as any other client used that. The client hands
 * gRPC's own option against it (`grpc.use_local_subchannel_pool`) to nobody; but its time-outs are options of the channel, so
 * each client has one that is longer by another millisecond. Of several in a connection string the last one counts. Where it
 * is switched off (-1) that is left so.
 */
function ofItsOwn(url: string, ms: number): string {
  const given = [...url.matchAll(/[?&]keep[-_]?alive[-_]?timeout=(-?\d+)/gi)].at(-1)?.[1]
  const timeoutMs = Number(given ?? KEEP_ALIVE_TIMEOUT_MS)
  if (timeoutMs < 0) return url
  // A password may have a question mark.
  const hasOptions = /\?[^@]*$/.test(url)
  return `${url.trim()}${hasOptions ? '&' : '?'}keepAliveTimeout=${timeoutMs + ms}`
}

/** Rejects with `NoAnswer` after `ms`; `work` goes on, and its own failure is nobody's business any more. */
export async function within<T>(ms: number, what: string, work: Promise<T>): Promise<T> {
  let timer: NodeJS.Timeout | undefined
  const late = new Promise<never>((_, reject) => {
    timer = setTimeout(() => reject(new NoAnswer(`no answer to ${what} within ${ms} ms`)), ms)
  })
  try {
    return await Promise.race([work, late])
  } finally {
    clearTimeout(timer)
    work.catch(() => undefined)
  }
}

/** One small call, answered by the leader. */
export async function probe(client: EventStoreDBClient, ms: number): Promise<void> {
  for (let redirects = 0; ; redirects++) {
    try {
      return await probeOnce(client, ms)
    } catch (error) {
      if (!(error instanceof NotLeaderError) || redirects === PROBE_REDIRECTS_MAX) throw error
    }
  }
}

async function probeOnce(client: EventStoreDBClient, ms: number): Promise<void> {
  const read = client.readStream(PROBED_STREAM, { maxCount: 1, requiresLeader: true })
  const answered = new Promise<void>((resolve, reject) => {
    read.on('error', (error) => (error instanceof StreamNotFoundError ? resolve() : reject(error)))
    read.on('end', resolve)
    read.resume()
  })
  try {
    await within(ms, 'a first call', answered)
  } finally {
    // Rejects when there never was a call to cancel.
    read.cancel().catch(() => undefined)
  }
}

/** The right to read everything, which is more than that to any stream: a subscription is confirmed or denied. */
export async function probeSubscription(client: EventStoreDBClient, ms: number): Promise<void> {
  const subscription = client.subscribeToAll({ fromPosition: END, requiresLeader: true })
  const confirmed = new Promise<void>((resolve, reject) => {
    subscription.on('confirmation', resolve)
    subscription.on('error', reject)
    subscription.on('end', resolve)
    subscription.resume()
  })
  try {
    await within(ms, 'a subscription', confirmed)
  } finally {
    // Rejects where there is nothing left to end.
    subscription.unsubscribe().catch(() => undefined)
  }
}

/**
 * What the first append would ask, and keep the answer of for ever, even where that is a failure. Asked before, a
 * failure costs a client and no append.
 */
export async function askCapabilities(client: EventStoreDBClient, ms: number): Promise<void> {
  await within(ms, 'the call for capabilities', client['capabilities'])
}

export async function dispose(client: EventStoreDBClient, ms: number): Promise<void> {
  // Hangs where the server half-closed the batch stream, so it is not waited for without end.
  await Promise.race([client.dispose().catch(() => undefined), delay(ms, undefined, { ref: false })])
  closeChannel(client)
}

/**
 * The channel has no public door; without this every replaced client would leave a connection behind. Asking for the
 * channel of a client that has none just now would look for a node again, so that is switched off first.
 */
function closeChannel(client: EventStoreDBClient): void {
  client['resolveUri'] = () => new Promise<string>(() => undefined)
  void client['getChannel']().then(
    (channel) => channel.close(),
    () => undefined,
  )
}
