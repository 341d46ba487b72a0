/**
 * The test server behaves towards the real client as the real server is known to, so that what the adapter's tests
 * show means something. Where the client itself has a trap, the trap is shown here to be real.
 */
import { describe, expect, it } from '@jest/globals'
import {
  ANY,
  BACKWARDS,
  END,
  EventStoreDBClient,
  NO_STREAM,
  STREAM_EXISTS,
  jsonEvent,
  streamNameFilter,
  type AppendExpectedRevision,
} from '@eventstore/db-client'
import { closeAfterEach, runChild, startServer, until } from '../event-store/eventstoredb-harness.js'
import type { EventStoreDbServer } from './eventstoredb-server.js'

closeAfterEach()

const event = (data: Record<string, unknown> = {}) => jsonEvent({ type: 'Tested', data })

async function withClient<T>(url: string, use: (client: EventStoreDBClient) => Promise<T>): Promise<T> {
  const client = EventStoreDBClient.connectionString(url)
  try {
    return await use(client)
  } finally {
    await client.dispose()
  }
}

async function take<T>(stream: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = []
  for await (const item of stream) items.push(item)
  return items
}

const paths = [
  ['batch', true],
  ['unary', false],
] as const

describe.each(paths)('an append by the %s path', (_, supportsBatchAppend) => {
  const run = async (use: (client: EventStoreDBClient, server: EventStoreDbServer) => Promise<void>) => {
    const server = await startServer({ supportsBatchAppend, appendBytesMax: 10_000 })
    await withClient(server.url, (client) => use(client, server))
    expect(server.calls.some(({ method }) => method === (supportsBatchAppend ? 'batch-append' : 'append'))).toBe(true)
  }
  const append = (
    client: EventStoreDBClient,
    expectedRevision: AppendExpectedRevision,
    events: ReturnType<typeof event>[],
  ) => client.appendToStream('s-1', events, { expectedRevision })

  it('answers with the revision and place of its last event', () =>
    run(async (client, server) => {
      const first = await append(client, NO_STREAM, [event(), event()])
      expect(first.nextExpectedRevision).toBe(1n)
      expect(first.position!.commit).toBe(server.log.events[1]!.position)
      expect((await append(client, 1n, [event()])).nextExpectedRevision).toBe(2n)
    }))

  it('sent again on its explicit revision is the same append, also when others followed', () =>
    run(async (client, server) => {
      const events = [event(), event()]
      const first = await append(client, NO_STREAM, events)
      await append(client, 1n, [event()])
      expect(await append(client, NO_STREAM, events)).toEqual(first)
      expect(server.log.events).toHaveLength(3)
    }))

  it('is a wrong version with one event other than before, or one more', () =>
    run(async (client) => {
      const events = [event(), event()]
      await append(client, NO_STREAM, events)
      for (const changed of [
        [events[0]!, event()],
        [event(), events[1]!],
        [...events, event()],
      ]) {
        await expect(append(client, NO_STREAM, changed)).rejects.toMatchObject({
          type: 'wrong-expected-version',
          message: '',
          expectedVersion: 'no_stream',
          actualVersion: 1n,
        })
      }
      await expect(append(client, 7n, [event()])).rejects.toMatchObject({ expectedVersion: 7n, actualVersion: 1n })
    }))

  it('on any revision is recognised only as long as the server remembers', () =>
    run(async (client, server) => {
      const events = [event()]
      await append(client, ANY, events)
      await append(client, ANY, events)
      await append(client, STREAM_EXISTS, events)
      expect(server.log.events).toHaveLength(1)
      server.log.forgetRecentIds()
      await append(client, ANY, events)
      expect(server.log.events).toHaveLength(2)
    }))

  it('forgets a soft-deleted stream, and never takes a tombstoned one', () =>
    run(async (client, server) => {
      await append(client, NO_STREAM, [event()])
      await client.deleteStream('s-1')
      await expect(take(client.readStream('s-1'))).rejects.toMatchObject({ type: 'stream-not-found' })
      expect((await append(client, NO_STREAM, [event()])).nextExpectedRevision).toBe(1n)
      await client.tombstoneStream('s-1')
      await expect(append(client, 1n, [event()])).rejects.toMatchObject({ type: 'stream-deleted' })
      await expect(take(client.readStream('s-1'))).rejects.toMatchObject({ type: 'stream-deleted' })
      expect(server.log.events).toHaveLength(2)
    }))

  it('over the size limit is refused by the bytes of the whole append', () =>
    run(async (client, server) => {
      const half = event({ text: 'x'.repeat(6_000) })
      await append(client, NO_STREAM, [half])
      await expect(append(client, 0n, [half, event({ text: 'x'.repeat(6_000) })])).rejects.toMatchObject({
        type: 'maximum-append-size-exceeded',
        maxAppendSize: 10_000,
      })
      expect(server.log.events).toHaveLength(1)
    }))
})

describe('the batch path', () => {
  it('refuses what is past its deadline by the clock of the server', async () => {
    const server = await startServer()
    server.faults.clockAheadMs = 60_000
    await withClient(server.url, async (client) => {
      const append = () => client.appendToStream('s-1', event(), { expectedRevision: NO_STREAM })
      await expect(append()).rejects.toMatchObject({ type: 'deadline-exceeded' })
      server.faults.clockAheadMs = 0
      await append()
    })
  })

  it('tells a node that cannot serve by the text alone', async () => {
    const server = await startServer()
    await withClient(server.url, async (client) => {
      for (const [fault, text] of [
        ['busy', 'Could not recognize Server Is Busy'],
        ['not-ready', 'Could not recognize Server Is Not Ready'],
        ['no-leader', 'Could not recognize No leader info available in response'],
        ['bad-request', 'Could not recognize BadRequest'],
      ] as const) {
        server.faults.onAppend(fault)
        await expect(client.appendToStream('s-1', event())).rejects.toMatchObject({ type: 'unknown', message: text })
      }
    })
  })

  it('keeps a failed capability call for ever: the client is poisoned', async () => {
    const server = await startServer()
    server.faults.capabilityFailures = 1
    await withClient(server.url, async (client) => {
      await expect(client.appendToStream('s-1', event())).rejects.toThrow('No capabilities')
      await expect(client.appendToStream('s-1', event())).rejects.toThrow('No capabilities')
      expect(server.received).toEqual([])
    })
  })

  it('of one client fails with the connection of another, and its late reply ends the process', async () => {
    const [mine, theirs] = [await startServer(), await startServer()]
    const child = runChild('two-clients', mine.url, theirs.url)
    await child.says('ready')
    mine.faults.onAppend('write-and-hold')
    child.tell('go')
    await until(() => mine.faults.heldCount === 1, 'the reply is held')
    theirs.dropConnections()
    await child.says('held unavailable')
    mine.faults.release()
    child.tell('released')
    expect(await child.exited).toBe(1)
    expect(child.errors()).toContain('undefined is not iterable')
  })
})

describe('reading', () => {
  it('starts where it is told, inclusively, either way, and counts', async () => {
    const server = await startServer()
    await withClient(server.url, async (client) => {
      const events = [1, 2, 3, 4].map((n) => event({ n }))
      await client.appendToStream('s-1', events, { expectedRevision: NO_STREAM })
      const numbers = async (options: Parameters<EventStoreDBClient['readStream']>[1]) =>
        (await take(client.readStream('s-1', options))).map(({ event: read }) => (read!.data as { n: number }).n)
      expect(await numbers({ fromRevision: 1n })).toEqual([2, 3, 4])
      expect(await numbers({ fromRevision: 1n, maxCount: 2 })).toEqual([2, 3])
      expect(await numbers({ fromRevision: END, direction: BACKWARDS })).toEqual([4, 3, 2, 1])
      expect(await numbers({ fromRevision: 9n })).toEqual([])
      const [last] = await take(client.readAll({ fromPosition: END, direction: BACKWARDS, maxCount: 1 }))
      const position = last!.event!.position
      expect(position.commit).toBe(server.log.events[3]!.position)
      expect(await take(client.readAll({ fromPosition: position }))).toHaveLength(1)
      await expect(take(client.readStream('none'))).rejects.toMatchObject({ type: 'stream-not-found' })
    })
  })

  it('of everything ignores a filter, as version 6.2.1 of the client sends none', async () => {
    const server = await startServer()
    await withClient(server.url, async (client) => {
      await client.appendToStream('a-1', event())
      await client.appendToStream('b-1', event())
      const filtered = { filter: streamNameFilter({ prefixes: ['a-'] }) }
      expect(await take(client.readAll(filtered as object))).toHaveLength(2)
    })
  })
})

describe('a subscription', () => {
  it('starts exclusively, filters, gives rising checkpoints, says that it caught up, and goes on', async () => {
    const server = await startServer()
    await withClient(server.url, async (client) => {
      await client.appendToStream('a-1', event({ n: 0 }))
      await client.appendToStream('b-1', event({ n: 1 }))
      const { position: after } = await client.appendToStream('a-1', event({ n: 2 }))
      await client.appendToStream('b-1', event({ n: 3 }))
      await client.appendToStream('a-1', event({ n: 4 }))
      await client.appendToStream('b-1', event({ n: 5 }))

      const seen: (number | string)[] = []
      const checkpoints: bigint[] = []
      const subscription = client.subscribeToAll({
        fromPosition: after!,
        filter: streamNameFilter({
          prefixes: ['a-'],
          maxSearchWindow: 2,
          checkpointReached: (_, { commit }) => void checkpoints.push(commit),
        }),
      })
      subscription.on('caughtUp', () => seen.push('caught up'))
      subscription.on('data', ({ event: read }) => seen.push((read!.data as { n: number }).n))
      await until(() => seen.length === 2, 'it caught up')
      await client.appendToStream('a-2', event({ n: 6 }))
      await until(() => seen.length === 3, 'the live event came')
      expect(seen).toEqual([4, 'caught up', 6])
      const [, , , , fourth, fifth, sixth] = server.log.events.map(({ position }) => position)
      await until(() => checkpoints.length === 3, 'the checkpoint behind it came')
      expect(checkpoints).toEqual([fourth, fifth, sixth])
      await subscription.unsubscribe()
      await until(() => server.openReads().length === 0, 'the call is over')
      expect(server.calls.find(({ target }) => target === '$all subscription')!.state).toBe('cancelled')
    })
  })

  it('left by break goes on costing the server', async () => {
    const server = await startServer()
    await withClient(server.url, async (client) => {
      await client.appendToStream('a-1', event())
      for await (const _ of client.subscribeToAll()) break
      await client.appendToStream('a-1', event())
      expect(server.openReads('$all subscription')).toHaveLength(1)
    })
  })
})

it('keeps its log and its port when it is stopped and started', async () => {
  const server = await startServer()
  const { port } = server
  await withClient(server.url, async (client) => {
    await client.appendToStream('s-1', event())
  })
  await server.stop()
  await withClient(server.url, async (client) => {
    await expect(take(client.readStream('s-1'))).rejects.toMatchObject({ code: 14 })
  })
  await server.start()
  expect(server.port).toBe(port)
  await withClient(server.url, async (client) => {
    expect(await take(client.readStream('s-1'))).toHaveLength(1)
  })
})
