/**
 * Each trap of the client and each fault of the server, and that an append still ends up written exactly once or
 * settled for certain, and a reader still gets every event once and in order.
 */
import { describe, expect, it, jest } from '@jest/globals'
import {
  APPEND_EVENTS_MAX,
  EventStoreCorrupt,
  EventStoreRefusing,
  EventStoreUnavailable,
  type EventStore,
  type Position,
  type StreamAppend,
} from '../../src/event-store/event-store.js'
import { EventStoreDbEventStore } from '../../src/event-store/eventstoredb-event-store.js'
import { collect, metadata, newEvent } from '../controls.js'
import type { EventStoreDbServer } from '../eventstoredb-server/eventstoredb-server.js'
import type { AppendFault } from '../eventstoredb-server/faults.js'
import { TcpProxy } from '../tcp-proxy.js'
import { append, closeAfterEach, openStore, runChild, startServer, until } from './eventstoredb-harness.js'

closeAfterEach()

/** The stream holds exactly these numbers, each event once. */
async function expectNumbers(store: EventStore, stream: string, numbers: number[]): Promise<void> {
  const events = await collect(store.readStream(stream))
  expect(events.map(({ data }) => data.n)).toEqual(numbers)
}

/** Appends another writer's event straight into the server. */
function slipIn(server: EventStoreDbServer, stream: string, data: unknown = {}, meta: unknown = metadata): void {
  const [{ id }, bytes] = [newEvent(), Buffer.from(typeof data === 'string' ? data : JSON.stringify(data))]
  const event = { id, type: 'Tested', contentType: 'application/json', data: bytes }
  server.log.append(stream, 'any', [{ ...event, metadata: Buffer.from(JSON.stringify(meta)) }])
}

/** Fills a stream straight in the server, numbered from 0: through the store it would take as long as many tests. */
function fill(server: EventStoreDbServer, stream: string, count: number, more: object = {}): void {
  for (let n = 0; n < count; n++) slipIn(server, stream, { n, ...more })
}

/** Makes one server's log a copy of another's: a cluster's node as of when it was cut off from the others. */
function copyTo(server: EventStoreDbServer, from: EventStoreDbServer): void {
  for (const event of from.log.events) server.log.append(event.stream, 'any', [event])
}

describe('an append whose outcome is unknown is sent again unchanged and written once', () => {
  const faults: [name: string, fault: AppendFault, limits?: { appendTryMs: number }][] = [
    ['the server is silent', 'ignore'],
    ['the server wrote it and is silent', 'write-silently'],
    ['the connection is lost before it is written', 'drop'],
    ['the connection is lost after it was written, before the answer', 'write-then-drop'],
    ['the server ends the batch stream in good order', 'half-close'],
    ['the server is busy', 'busy'],
    ['the server is not ready', 'not-ready'],
    ['there is no leader', 'no-leader'],
    ['the server timed out', 'timeout'],
    ['the server does not know', 'unknown'],
  ]
  it.each(faults)('when %s', async (_, fault) => {
    const server = await startServer()
    const { store } = openStore(server)
    await append(store, 's-1', 0, [newEvent({ n: 1 })])
    // More than once in a row, so that a replacement of the client is on the way as well.
    server.faults.onAppend(fault, 4)
    const outcome = await append(store, 's-1', 1, [newEvent({ n: 2 }), newEvent({ n: 3 })])
    expect(outcome).toEqual({ status: 'appended', revision: 3, position: String(server.log.events[2]!.position) })
    await expectNumbers(store, 's-1', [1, 2, 3])
    const [, ...tries] = server.received
    expect(tries).toHaveLength(5)
    for (const again of tries) expect(again).toEqual(tries[0])
    expect(await append(store, 's-1', 3, [newEvent({ n: 4 })])).toMatchObject({ status: 'appended', revision: 4 })
  })

  it('when the server forgets what it wrote recently, for it never relies on that', async () => {
    const server = await startServer()
    const { store } = openStore(server)
    server.faults.onAppend('write-then-drop')
    server.faults.beforeAppend = () => server.log.forgetRecentIds()
    expect(await append(store, 's-1', 0, [newEvent({ n: 1 })])).toMatchObject({ status: 'appended', revision: 1 })
    expect(await append(store, 's-1', 1, [newEvent({ n: 2 })])).toMatchObject({ status: 'appended', revision: 2 })
    await expectNumbers(store, 's-1', [1, 2])
    expect(server.received.map(({ expected }) => expected)).toEqual(['no_stream', 'no_stream', 0n])
  })

  it('also when another writer followed before it was sent again', async () => {
    const server = await startServer()
    const { store } = openStore(server)
    server.faults.onAppend('write-then-drop')
    server.faults.beforeAppend = () => {
      if (server.received.length === 2) slipIn(server, 's-1', { n: 2 })
    }
    expect(await append(store, 's-1', 0, [newEvent({ n: 1 })])).toMatchObject({ status: 'appended', revision: 1 })
    await expectNumbers(store, 's-1', [1, 2])
  })

  it('and is a conflict when it had not been written and another writer got in', async () => {
    const server = await startServer()
    const { store } = openStore(server)
    server.faults.onAppend('drop')
    server.faults.beforeAppend = () => {
      if (server.received.length === 2) slipIn(server, 's-1', { n: 7 })
    }
    expect(await append(store, 's-1', 0, [newEvent({ n: 1 })])).toEqual({ status: 'conflict', revision: 1 })
    await expectNumbers(store, 's-1', [7])
  })

  it('until its time is over, and then says so', async () => {
    const server = await startServer()
    const { store, lines } = openStore(server, { limits: { appendTryMs: 60, appendTotalMs: 300 } })
    server.faults.onAppend('ignore', Infinity)
    expect(await append(store, 's-1', 0, [newEvent()])).toMatchObject({ status: 'unknown' })
    expect(server.received.length).toBeGreaterThan(1)
    expect(lines.some(({ level }) => level === 'error')).toBe(true)
  })

  it('by the unary path, whose calls are given up as well', async () => {
    const server = await startServer({ supportsBatchAppend: false })
    const { store } = openStore(server)
    for (const fault of ['ignore', 'write-silently', 'drop', 'write-then-drop', 'busy', 'timeout'] as const)
      server.faults.onAppend(fault)
    expect(await append(store, 's-1', 0, [newEvent({ n: 1 })])).toMatchObject({ status: 'appended', revision: 1 })
    expect(server.received).toHaveLength(7)
    await expectNumbers(store, 's-1', [1])
  })
})

describe('the server goes away', () => {
  it('and comes back on its port: what was only queued in it is appended once', async () => {
    const server = await startServer()
    const { store } = openStore(server, { limits: { appendTryMs: 5_000 } })
    await append(store, 's-0', 0, [newEvent()])
    const count = 40
    server.faults.onAppend('hold', count)
    const outcomes = store.append(
      Array.from({ length: count }, (_, n) => ({ stream: `s-${n + 1}`, expectedRevision: 0, events: [newEvent()] })),
    )
    await until(() => server.faults.heldCount === count, 'all are queued')
    await server.stop()
    await server.start()
    expect((await outcomes).every(({ status }) => status === 'appended')).toBe(true)
    expect(server.log.events).toHaveLength(count + 1)
  })

  it('refused connections are waited for, though they are no errors of the client’s own kind', async () => {
    const server = await startServer()
    const { store, lines } = openStore(server)
    await server.stop()
    const outcome = append(store, 's-1', 0, [newEvent({ n: 1 })])
    await until(() => lines.length > 1, 'it tried more than once')
    await expect(store.check()).rejects.toThrow(EventStoreUnavailable)
    await server.start()
    expect(await outcome).toMatchObject({ status: 'appended' })
    await expect(store.check()).resolves.toBeUndefined()
    await expectNumbers(store, 's-1', [1])
  })

  it('for longer than an append waits: one that was never sent is unavailable, not unknown', async () => {
    const server = await startServer()
    const { store } = openStore(server, { limits: { appendTotalMs: 100 } })
    await server.stop()
    expect(await append(store, 's-1', 0, [newEvent()])).toMatchObject({ status: 'unavailable' })
    expect(server.received).toEqual([])
  })

  it('and another node leads: the append and the reads go there', async () => {
    const follower = await startServer()
    const leader = await startServer({ log: follower.log })
    const { store } = openStore(follower)
    await append(store, 's-1', 0, [newEvent({ n: 1 })])
    follower.faults.leaderElsewhere = leader.endpoint
    expect(await append(store, 's-1', 1, [newEvent({ n: 2 })])).toMatchObject({ status: 'appended', revision: 2 })
    expect(leader.received).toHaveLength(1)
    await expectNumbers(store, 's-1', [1, 2])
    // A store that opens now meets the follower first.
    const { store: late } = openStore(follower)
    expect(await append(late, 's-1', 2, [newEvent({ n: 3 })])).toMatchObject({ status: 'appended', revision: 3 })
    await expect(late.check()).resolves.toBeUndefined()
    await expectNumbers(late, 's-1', [1, 2, 3])
  })
})

describe('a poisoned client is replaced', () => {
  it('after a capability call that failed once', async () => {
    const server = await startServer()
    server.faults.capabilityFailures = 1
    const { store } = openStore(server)
    expect(await append(store, 's-1', 0, [newEvent()])).toMatchObject({ status: 'appended' })
    expect(server.received).toHaveLength(1)
  })

  it('after a discovery that found nobody', async () => {
    const server = await startServer()
    // Two seeds, two attempts: exactly one whole discovery fails.
    server.faults.discoveryFailures = 4
    const { store } = openStore(server, { url: server.discoveryUrl })
    expect(await append(store, 's-1', 0, [newEvent({ n: 1 })])).toMatchObject({ status: 'appended' })
    await expectNumbers(store, 's-1', [1])
    expect(server.faults.discoveryFailures).toBe(0)
  })

  it('with its connection: replacing many leaves none behind', async () => {
    const server = await startServer()
    const { store } = openStore(server, { limits: { appendTryMs: 50 } })
    server.faults.onAppend('ignore', 10)
    expect(await append(store, 's-1', 0, [newEvent()])).toMatchObject({ status: 'appended' })
    expect(server.connections).toBeGreaterThan(10)
    await until(() => server.openConnections === 1, 'only the last connection is left')
  })

  it.each(['', '&keepAliveTimeout=20000'])(
    'by one with a connection of its own, so that a way that was lost without a sign costs one try: %s',
    async (options) => {
      const server = await startServer()
      const proxy = await TcpProxy.start(server.url)
      try {
        const { store } = openStore(server, { url: `${proxy.url}${options}` })
        await append(store, 's-1', 0, [newEvent({ n: 1 })])
        await expectNumbers(store, 's-1', [1])
        expect(proxy.connections).toBe(2)
        proxy.forget()
        const since = performance.now()
        expect(await append(store, 's-1', 1, [newEvent({ n: 2 })])).toMatchObject({ status: 'appended' })
        await expect(collect(store.readStream('s-1'))).rejects.toThrow(EventStoreUnavailable)
        await expectNumbers(store, 's-1', [1, 2])
        // Long before gRPC itself finds out.
        expect(performance.now() - since).toBeLessThan(10_000)
        expect(proxy.connections).toBe(4)
      } finally {
        proxy.close()
      }
    },
  )
})

describe('time', () => {
  it('on a server whose clock is hours ahead does not fail appends', async () => {
    const server = await startServer()
    server.faults.clockAheadMs = 6 * 60 * 60 * 1000
    const { store } = openStore(server)
    expect(await append(store, 's-1', 0, [newEvent()])).toMatchObject({ status: 'appended' })
    expect(server.received).toHaveLength(1)
  })
})

describe('order', () => {
  it('of appends to one stream is theirs, also on a client that is still cold', async () => {
    const server = await startServer()
    const { store } = openStore(server)
    const outcomes = await Promise.all(
      Array.from({ length: 100 }, (_, n) => append(store, 's-1', n, [newEvent({ n })])),
    )
    expect(outcomes.every(({ status }) => status === 'appended')).toBe(true)
    expect(server.received.map(({ expected }) => (expected === 'no_stream' ? -1 : Number(expected)))).toEqual(
      Array.from({ length: 100 }, (_, n) => n - 1),
    )
  })

  it('of answers does not matter', async () => {
    const server = await startServer()
    const { store } = openStore(server, { limits: { appendTryMs: 5_000 } })
    await append(store, 's-0', 0, [newEvent()])
    server.faults.onAppend('write-and-hold', 10)
    const appends = Array.from({ length: 10 }, (_, n): StreamAppend => {
      const events = Array.from({ length: n + 1 }, () => newEvent())
      return { stream: `s-${n + 1}`, expectedRevision: 0, events }
    })
    const outcomes = store.append(appends)
    await until(() => server.faults.heldCount === 10, 'all are held')
    server.faults.release({ reversed: true })
    expect((await outcomes).map((outcome) => outcome.status === 'appended' && outcome.revision)).toEqual(
      appends.map(({ events }) => events.length),
    )
  })
})

describe('un-acknowledged appends', () => {
  it('are bounded in number, one a stream, and the rest wait', async () => {
    const server = await startServer()
    const { store } = openStore(server, { limits: { appendsInFlightMax: 4, appendTryMs: 5_000 } })
    await append(store, 's-0', 0, [newEvent()])
    server.faults.onAppend('hold', 6)
    const outcomes = store.append([
      { stream: 's-1', expectedRevision: 0, events: [newEvent()] },
      { stream: 's-1', expectedRevision: 1, events: [newEvent()] },
      ...Array.from({ length: 8 }, (_, n) => ({ stream: `t-${n}`, expectedRevision: 0, events: [newEvent()] })),
    ])
    await until(() => server.faults.heldCount === 4, 'four are sent')
    await store.check()
    expect(server.received.slice(1).map(({ stream }) => stream)).toEqual(['s-1', 't-0', 't-1', 't-2'])
    server.faults.release()
    await until(() => server.faults.heldCount === 2, 'the next are held')
    server.faults.release()
    expect((await outcomes).every(({ status }) => status === 'appended')).toBe(true)
  })

  it('are bounded in bytes, but for one that is larger than the bound by itself', async () => {
    const server = await startServer()
    const { store } = openStore(server, { limits: { appendBytesInFlightMax: 2_000, appendTryMs: 5_000 } })
    const sizes = [700, 700, 700, 5_000, 10]
    server.faults.onAppend('hold', sizes.length)
    const outcomes = store.append(
      sizes.map((size, n) => ({
        stream: `s-${n}`,
        expectedRevision: 0,
        events: [newEvent({ text: 'x'.repeat(size) })],
      })),
    )
    const received: number[] = []
    while (server.log.events.length < sizes.length) {
      await until(() => server.faults.heldCount > 0, 'some are sent')
      await store.check()
      received.push(server.faults.heldCount)
      server.faults.release()
      await until(() => server.faults.heldCount > 0 || server.log.events.length === sizes.length, 'the next are sent')
    }
    expect(received).toEqual([2, 1, 1, 1])
    expect((await outcomes).every(({ status }) => status === 'appended')).toBe(true)
  })

  it('that wait too long for their turn are unavailable, and were never sent', async () => {
    const server = await startServer()
    const limits = { appendsInFlightMax: 1, appendTryMs: 5_000, appendQueueMs: 50 }
    const { store } = openStore(server, { limits })
    server.faults.onAppend('hold')
    const first = append(store, 's-1', 0, [newEvent()])
    await until(() => server.faults.heldCount === 1, 'the first is sent')
    expect(await append(store, 's-1', 1, [newEvent()])).toMatchObject({ status: 'unavailable' })
    expect(await append(store, 's-2', 0, [newEvent()])).toMatchObject({ status: 'unavailable' })
    server.faults.release()
    expect(await first).toMatchObject({ status: 'appended' })
    expect(await append(store, 's-2', 0, [newEvent()])).toMatchObject({ status: 'appended', revision: 1 })
    expect(server.received).toHaveLength(2)
  })
})

describe('while the server answers no appends', () => {
  it('others are refused at once and never sent, and taken again as soon as one settles', async () => {
    const server = await startServer()
    const { store, lines } = openStore(server, { limits: { appendTryMs: 60, refuseAfterMs: 100 } })
    await append(store, 's-0', 0, [newEvent()])
    server.faults.onAppend('ignore', 1_000)
    const first = append(store, 's-1', 0, [newEvent()])
    // Two tries took longer than others wait.
    await until(
      () => lines.filter(({ message }) => message.startsWith('Outcome unknown')).length >= 2,
      'it tried twice',
    )
    const sent = server.received.length
    expect(await append(store, 's-2', 0, [newEvent()])).toMatchObject({ status: 'unavailable' })
    expect(server.received.slice(sent).filter(({ stream }) => stream === 's-2')).toEqual([])
    while (server.faults.takeAppendFault() !== undefined);
    expect(await first).toMatchObject({ status: 'appended', revision: 1 })
    expect(await append(store, 's-2', 0, [newEvent()])).toMatchObject({ status: 'appended', revision: 1 })
  })

  it('one of which nothing is known is sent on', async () => {
    const server = await startServer()
    const limits = { appendTryMs: 60, appendTotalMs: 200, refuseAfterMs: 100 }
    const { store } = openStore(server, { limits })
    server.faults.onAppend('write-silently')
    server.faults.onAppend('ignore', 1_000)
    const events = [newEvent({ n: 1 })]
    expect(await append(store, 's-1', 0, events)).toMatchObject({ status: 'unknown' })
    const probing = append(store, 's-2', 0, [newEvent()])
    const settling = append(store, 's-1', 0, events)
    while (server.faults.takeAppendFault() !== undefined);
    expect(await settling).toMatchObject({ status: 'appended', revision: 1 })
    expect(await probing).toMatchObject({ status: 'appended' })
    await expectNumbers(store, 's-1', [1])
  })
})

describe.each([
  ['batch', true],
  ['unary', false],
] as const)('what the server refuses by the %s path', (_, supportsBatchAppend) => {
  it('is a conflict, with the revision the stream is at', async () => {
    const server = await startServer({ supportsBatchAppend })
    const { store } = openStore(server)
    await append(store, 's-1', 0, [newEvent(), newEvent(), newEvent()])
    expect(await append(store, 's-1', 1, [newEvent()])).toEqual({ status: 'conflict', revision: 3 })
    expect(await append(store, 's-2', 4, [newEvent()])).toEqual({ status: 'conflict', revision: 0 })
  })

  it('is rejected and not tried again: too large, a bad request, a tombstoned stream', async () => {
    const server = await startServer({ supportsBatchAppend })
    const { store } = openStore(server)
    const large = () => newEvent({ text: 'x'.repeat(600 * 1024) })
    // Each is under 1 MiB; the limit is the whole append's.
    expect(await append(store, 's-1', 0, [large(), large()])).toMatchObject({
      status: 'rejected',
      message: expect.stringContaining('1048576'),
    })
    server.faults.onAppend('bad-request')
    expect((await append(store, 's-1', 0, [newEvent()])).status).toBe('rejected')
    server.log.tombstone('s-gone')
    expect((await append(store, 's-gone', 0, [newEvent()])).status).toBe('rejected')
    expect(server.received).toHaveLength(2)
    expect(server.log.events).toEqual([])
    expect((await append(store, 's-1', 0, [large()])).status).toBe('appended')
  })

  it('is tried again where it is denied for a moment, and unavailable where it stays so', async () => {
    const server = await startServer({ supportsBatchAppend })
    const { store, lines } = openStore(server)
    server.faults.onAppend('access-denied', 2)
    expect(await append(store, 's-1', 0, [newEvent()])).toMatchObject({ status: 'appended', revision: 1 })
    await store.check()

    lines.length = 0
    server.faults.onAppend('access-denied', 1_000)
    const denied = { status: 'unavailable', message: expect.stringContaining('needs the right to write') }
    for (const stream of ['s-1', 's-1', 's-2']) {
      expect(await append(store, stream, stream === 's-1' ? 1 : 0, [newEvent()])).toEqual(denied)
    }
    await expect(store.check()).rejects.toThrow(EventStoreRefusing)
    expect(server.log.events).toHaveLength(1)

    const told = lines.filter(({ level }) => level === 'error').map(({ details }) => details)
    expect(told).toEqual([
      { stream: 's-1', right: 'write' },
      { stream: 's-2', right: 'write' },
    ])
    while (server.faults.takeAppendFault() !== undefined);
    expect(await append(store, 's-1', 1, [newEvent()])).toMatchObject({ status: 'appended', revision: 2 })
    expect(await append(store, 's-2', 0, [newEvent()])).toMatchObject({ status: 'appended', revision: 1 })
    await store.check()
  })

  it('stays unknown where it is denied after a try that may have been written', async () => {
    const server = await startServer({ supportsBatchAppend })
    const { store } = openStore(server, { limits: { appendTotalMs: 1_000 } })
    server.faults.onAppend('write-silently')
    server.faults.onAppend('access-denied', 1_000)
    expect((await append(store, 's-1', 0, [newEvent()])).status).toBe('unknown')
    expect(server.log.events).toHaveLength(1)
  })
})

describe('what would end the stream of all appends', () => {
  it('is rejected before it is sent', async () => {
    const server = await startServer()
    const { store } = openStore(server)
    const rejected = async (stream: string, expectedRevision: number, events: ReturnType<typeof newEvent>[]) =>
      expect((await append(store, stream, expectedRevision, events)).status).toBe('rejected')
    await rejected('', 0, [newEvent()])
    await rejected('s-1', -1, [newEvent()])
    await rejected('s-1', 0.5, [newEvent()])
    await rejected('s-1', 0, [])
    await rejected(
      's-1',
      0,
      Array.from({ length: APPEND_EVENTS_MAX + 1 }, () => newEvent()),
    )
    await rejected('s-1', 0, [newEvent({ n: 1n as unknown as number })])
    await rejected('s-1', 0, [newEvent({ text: 'x'.repeat(16 * 1024 * 1024) })])
    expect(server.received).toEqual([])
  })

  it('or turn conflicts into appends is no connection string to open with; nor is a wrong one quoted', async () => {
    const log = { warn: () => {}, error: () => {} }
    const open = (url: string) => () => EventStoreDbEventStore.open({ url, log })
    expect(open('esdb://localhost?throwOnAppendFailure=false')).toThrow('throwOnAppendFailure')
    expect(open('esdb://localhost?tls=false&throw_on-append-failure=false')).toThrow('throwOnAppendFailure')
    for (const url of [
      'esdb//admin:secret@host',
      'esdb://admin:secret@@@',
      'esdb://admin:secret@host:abc',
      'esdb://admin:secret@host:99999',
      'esdb://admin:secret@host?tls=secret',
      'esdb://admin:secret@host?tlsCAFile=/nonexistent/secret.pem',
      'esdb://admin:secret@host?tls=false&tlls=secret',
    ]) {
      expect(open(url)).toThrow('Not a connection string')
      expect(open(url)).not.toThrow('secret')
    }
    expect(open('esdb://admin:secret@host?tls=false&tlls=secret')).toThrow('none of connectionName, ')
    expect(open('esdb://host?tls=secret')).toThrow('expected true or false at character 17')
    expect(open('esdb://host?tlsCAFile=/nonexistent/secret.pem')).toThrow('Failed to load certificate file')
    await open('esdb://admin:p%40ss@n1.example:2113,n2.example,10.0.0.1:2113/?tls=false')().close()
    await open('esdb+discover://admin:changeit@name?tls=false')().close()
    await open('esdb://localhost?throwOnAppendFailure=true&tls=false')().close()
  })
})

it.each(['?tls=false&tlsVerifyCert=false', '?tls_verify_cert=false&tls=false', '/?TLS-Verify-Cert=false&tls=false'])(
  'the client has nothing to say of a connection string that ends with %s',
  async (parameters) => {
    const warn = jest.spyOn(console, 'warn').mockImplementation(() => undefined)
    try {
      const url = `esdb://admin:secret@localhost${parameters}`
      await EventStoreDbEventStore.open({ url, log: { warn: () => {}, error: () => {} } }).close()
      expect(warn).not.toHaveBeenCalled()
    } finally {
      warn.mockRestore()
    }
  },
)

it('an append acknowledged without a place is looked up', async () => {
  const server = await startServer()
  const { store } = openStore(server)
  server.faults.onAppend('no-position')
  const outcome = await append(store, 's-1', 0, [newEvent(), newEvent()])
  expect(outcome).toEqual({ status: 'appended', revision: 2, position: String(server.log.events[1]!.position) })
})

describe('reading', () => {
  async function filled(count: number, limits = {}) {
    const server = await startServer()
    const opened = openStore(server, { limits })
    fill(server, 's-1', count)
    return { server, ...opened, numbers: Array.from({ length: count }, (_, n) => n) }
  }

  it('a server that is silent is unavailable, in bounded time', async () => {
    const { server, store } = await filled(1)
    server.faults.onRead('stream', 'ignore')
    await expect(collect(store.readStream('s-1'))).rejects.toThrow(EventStoreUnavailable)
    server.faults.onRead('stream', { afterEvents: 1, then: 'ignore' })
    await expect(collect(store.readStream('s-1'))).rejects.toThrow(EventStoreUnavailable)
    server.faults.onRead('all', 'ignore')
    await expect(collect(store.readAll({ after: null, categories: ['s'] }))).rejects.toThrow(EventStoreUnavailable)
    server.faults.onRead('stream', 'ignore')
    await expect(store.check()).rejects.toThrow(EventStoreUnavailable)
    await expectNumbers(store, 's-1', [0])
  })

  it('goes on where the connection was lost, without a gap or a repeat', async () => {
    const { server, store, numbers } = await filled(1_300)
    server.faults.onRead('stream', { afterEvents: 700, then: 'drop' })
    server.faults.onRead('stream', { afterEvents: 5, then: 'error' })
    await expectNumbers(store, 's-1', numbers)
    // With a limit it is of all tries together, and nothing is asked for once that is reached.
    server.faults.onRead('stream', { afterEvents: 700, then: 'drop' })
    server.faults.onRead('stream', { afterEvents: 300, then: 'error' })
    const limited = await collect(store.readStream('s-1', { after: 100, limit: 1_000 }))
    expect(limited.map(({ data }) => data.n)).toEqual(numbers.slice(100, 1_100))
    server.faults.onRead('subscription', { afterEvents: 700, then: 'drop' })
    server.faults.onRead('subscription', { afterEvents: 5, then: 'error' })
    const all = await collect(store.readAll({ after: null, categories: ['s'] }))
    expect(all.map(({ data }) => data.n)).toEqual(numbers)
  })

  it('in the background outlasts an outage that a caller is told of, and says so', async () => {
    const { server, store, lines, numbers } = await filled(3)
    const options = { after: null, categories: ['s'] }
    await server.stop()
    await expect(collect(store.readAll(options))).rejects.toThrow(EventStoreUnavailable)
    await expect(collect(store.readStream('s-1'))).rejects.toThrow(EventStoreUnavailable)
    lines.length = 0
    const reading = [
      collect(store.readAll({ ...options, patience: 'background' })),
      collect(store.readStream('s-1', { patience: 'background' })),
    ]
    // Far more often than for a caller.
    await until(() => lines.length >= 10, 'it was tried again')
    expect(lines[0]).toMatchObject({ level: 'warn', details: { givenUpAfterMs: 30_000 } })
    await server.start()
    for (const events of await Promise.all(reading)) expect(events.map(({ data }) => data.n)).toEqual(numbers)
  })

  it('is as patient as the store was opened where it says nothing of it, and so is the check', async () => {
    const server = await startServer()
    const { store, lines } = openStore(server, { patience: 'background' })
    fill(server, 's-1', 1)
    const ways = [
      () => store.check(),
      () => expectNumbers(store, 's-1', [0]),
      () => collect(store.readAll({ after: null, categories: ['s'] })),
    ]
    for (const way of ways) {
      await server.stop()
      lines.length = 0
      const done = way()
      await until(() => lines.length >= 10, 'it was tried again')
      const reason = expect.stringMatching(/ECONNREFUSED 127\.0\.0\.1:\d+\.$/) as unknown
      expect(lines.map(({ details }) => details)).toContainEqual({ reason, givenUpAfterMs: 30_000 })
      await server.start()
      await done
    }
    const denied = openStore(server, { patience: 'background', limits: { backgroundReadMs: 300 } })
    server.faults.onRead('subscription', 'denied', Infinity)
    await expect(denied.store.check()).rejects.toThrow('needs the right to read $all')
  })

  it('in the background asks a silent or denying server again, and gives up in the end', async () => {
    const { server, store, numbers } = await filled(3, { backgroundReadMs: 2_000 })
    const reading = () => collect(store.readStream('s-1', { patience: 'background' }))
    server.faults.onRead('stream', 'ignore')
    server.faults.onRead('stream', 'denied')
    expect((await reading()).map(({ data }) => data.n)).toEqual(numbers)
    server.faults.onRead('stream', 'unavailable', Infinity)
    await expect(reading()).rejects.toThrow(EventStoreUnavailable)
  })

  it('is denied at the start where the user may not read everything, which names the right', async () => {
    const server = await startServer()
    const { store } = openStore(server)
    server.faults.onRead('subscription', 'denied')
    await expect(store.check()).rejects.toThrow('needs the right to read $all')
    await expect(store.check()).resolves.toBeUndefined()
    await until(() => server.openReads().length === 0, 'no read is open')
  })

  it('all of a category does not fetch the others', async () => {
    const { server, store } = await filled(2_500)
    await append(store, 'rare-1', 0, [newEvent({ n: 1 })])
    const before = server.eventsSent
    expect(await collect(store.readAll({ after: null, categories: ['rare'] }))).toHaveLength(1)
    // The log's last event, to know the end by, and the one that was asked for.
    expect(server.eventsSent - before).toBe(2)
  })

  it('all ends at the end as it was, and does not run after what is appended meanwhile', async () => {
    const { store, numbers } = await filled(600)
    const seen: unknown[] = []
    for await (const page of store.readAll({ after: null, categories: ['s'] })) {
      if (seen.length === 0) await append(store, 's-1', 600, [newEvent({ n: 600 })])
      seen.push(...page.map(({ data }) => data.n))
    }
    expect(seen).toEqual(numbers)
  })

  it('left early by break ends the call on the server', async () => {
    const { server, store } = await filled(2_000)
    for await (const _ of store.readStream('s-1')) break
    for await (const _ of store.readAll({ after: null, categories: ['s'] })) break
    const abort = new AbortController()
    for await (const _ of store.subscribe({ after: null, categories: ['s'], signal: abort.signal })) break
    const failing = async () => {
      for await (const _ of store.readStream('s-1')) throw new Error('the consumer failed')
    }
    await expect(failing()).rejects.toThrow('the consumer failed')
    await until(() => server.openReads().length === 0, 'no read is open')
    expect(server.calls.filter(({ state }) => state === 'cancelled')).not.toHaveLength(0)
  })

  it.each([
    ['malformed JSON', '{"n":', metadata],
    ['JSON that is no object', '"text"', metadata],
    ['an event without our metadata', { n: 1 }, { schema: 'one' }],
  ])('%s stops the reader, naming stream and revision', async (_, data, meta) => {
    const { server, store } = await filled(1)
    slipIn(server, 's-1', data, meta)
    const options = { after: null, categories: ['s'] }
    const signal = new AbortController().signal
    for (const read of [store.readStream('s-1'), store.readAll(options)]) {
      const failure = await collect(read).catch((error: unknown) => error)
      expect(failure).toBeInstanceOf(EventStoreCorrupt)
      expect((failure as Error).message).toContain('Event 2 of stream s-1')
    }
    const items: unknown[] = []
    const follow = async () => {
      for await (const item of store.subscribe({ ...options, signal })) items.push(item)
    }
    await expect(follow()).rejects.toThrow(EventStoreCorrupt)
    expect(items).toMatchObject([{ type: 'events', events: [{ data: { n: 0 } }] }])
    // Others' categories are none of our business.
    slipIn(server, 'theirs-1', '{"n":')
    expect(await collect(store.readAll({ after: null, categories: ['none'] }))).toEqual([])
  })
})

describe('a subscription', () => {
  interface Followed {
    readonly numbers: unknown[]
    caughtUp: number
    last: Position | null
  }

  /** Follows until `done`, calling `onPage` before the next page is asked for. */
  async function follow(
    store: EventStore,
    done: (followed: Followed) => boolean,
    onPage: (followed: Followed) => Promise<void> | void = () => {},
  ): Promise<Followed> {
    const abort = new AbortController()
    const followed: Followed = { numbers: [], caughtUp: 0, last: null }
    for await (const item of store.subscribe({ after: null, categories: ['s'], signal: abort.signal })) {
      if (item.type === 'caught-up') followed.caughtUp++
      else {
        followed.numbers.push(...item.events.map(({ data }) => data.n))
        followed.last = item.events.at(-1)!.position
      }
      await onPage(followed)
      if (done(followed)) abort.abort()
    }
    return followed
  }

  async function filled(count: number, limits = {}) {
    const server = await startServer()
    const opened = openStore(server, { limits })
    fill(server, 's-1', count)
    return { server, ...opened, numbers: Array.from({ length: count }, (_, n) => n) }
  }

  it.each(['error', 'end', 'drop'] as const)(
    'that ends midway (%s) goes on from the last event handled, each once and in order',
    async (how) => {
      const { server, store, numbers } = await filled(1_500)
      server.faults.onRead('subscription', { afterEvents: 700, then: how })
      server.faults.onRead('subscription', { afterEvents: 3, then: how })
      const { numbers: seen, caughtUp } = await follow(store, (followed) => followed.caughtUp > 0)
      expect(seen).toEqual(numbers)
      expect(caughtUp).toBe(1)
    },
  )

  /** Few enough for the client to hold them all, with the checkpoint and the notice behind them. */
  const BUFFERED = 300

  /** Holds the consumer at its first page until all the rest waits in the client. */
  function aheadOfConsumer(server: EventStoreDbServer, store: EventStore): () => Promise<boolean> {
    let first = true
    return async () => {
      if (!first) return false
      first = false
      await until(() => server.eventsSent >= BUFFERED, 'all is sent')
      // Answers on the same connection, sent later than all that.
      for (let round = 0; round < 10; round++) await store.check()
      return true
    }
  }

  it('resumes from what was handled, not from the checkpoint that came ahead of a slow consumer', async () => {
    const { server, store, numbers } = await filled(BUFFERED)
    const ahead = aheadOfConsumer(server, store)
    const { numbers: seen } = await follow(
      store,
      ({ caughtUp }) => caughtUp > 0,
      async () => {
        if (!(await ahead())) return
        server.dropConnections()
        await until(() => server.openReads('$all subscription').length === 0, 'the call is gone')
      },
    )
    expect(seen).toEqual(numbers)
  })

  it('says that it caught up only behind the events before, however far the notice is ahead', async () => {
    const { server, store, numbers } = await filled(BUFFERED)
    const ahead = aheadOfConsumer(server, store)
    const heard: number[] = []
    await follow(
      store,
      ({ caughtUp }) => caughtUp > 0,
      async (followed) => {
        if (followed.caughtUp > 0) heard.push(followed.numbers.length)
        await ahead()
      },
    )
    expect(heard).toEqual([numbers.length])
  })

  it('of a log in which nothing was found does not believe the place it is told', async () => {
    const { server, store } = await filled(0)
    server.faults.checkpointOfNothing = true
    const { numbers } = await follow(
      store,
      ({ numbers: { length } }) => length === 2,
      ({ caughtUp, numbers: { length } }) => {
        if (caughtUp === 1 && length === 0) for (const n of [0, 1]) slipIn(server, 's-1', { n })
      },
    )
    expect(numbers).toEqual([0, 1])
  })

  it.each(['of-event', 'of-loss'] as const)('leaves out no event whose checkpoint comes ahead %s', async (ahead) => {
    const { server, store } = await filled(1)
    server.faults.checkpointAhead = ahead
    let isWritten = false
    const { numbers } = await follow(
      store,
      ({ caughtUp }) => caughtUp > 0,
      async () => {
        if (isWritten) return
        isWritten = true
        slipIn(server, 's-1', { n: 1 })
        if (ahead === 'of-event') return
        await until(() => server.openReads('$all subscription').length === 0, 'the call is gone')
        server.faults.checkpointAhead = undefined
      },
    )
    expect(numbers).toEqual([0, 1])
  })

  it('catches up again after a lost connection, having missed nothing that was appended meanwhile', async () => {
    const { server, store } = await filled(2)
    const { numbers, caughtUp } = await follow(
      store,
      (followed) => followed.caughtUp === 2,
      async (followed) => {
        if (followed.caughtUp !== 1) return
        await server.stop()
        slipIn(server, 's-1', { n: 2 })
        await server.start()
      },
    )
    expect(numbers).toEqual([0, 1, 2])
    expect(caughtUp).toBe(2)
  })

  it('of a node that leads no more and is cut off goes on at the leader', async () => {
    const { server: old, store } = await filled(2)
    const leader = await startServer()
    const { numbers } = await follow(
      store,
      ({ numbers: { length } }) => length === 4,
      async ({ caughtUp, numbers: { length } }) => {
        if (caughtUp === 0 || length > 2) return
        copyTo(leader, old)
        old.faults.leaderElsewhere = leader.endpoint
        expect(await append(store, 's-1', 2, [newEvent({ n: 2 }), newEvent({ n: 3 })])).toMatchObject({ revision: 4 })
      },
    )
    expect(numbers).toEqual([0, 1, 2, 3])
    expect(old.log.events).toHaveLength(2)
  })

  it('begun at a node that does not lead goes to the leader', async () => {
    const { server: old, store } = await filled(1)
    const leader = await startServer()
    copyTo(leader, old)
    old.faults.leaderElsewhere = leader.endpoint
    slipIn(leader, 's-1', { n: 1 })
    expect((await follow(store, ({ caughtUp }) => caughtUp > 0)).numbers).toEqual([0, 1])
  })

  it('that became silent is begun again where the log has more', async () => {
    const { server, store, lines } = await filled(1)
    server.faults.onRead('subscription', { afterEvents: 2, then: 'ignore' })
    const { numbers } = await follow(
      store,
      ({ numbers: { length } }) => length === 4,
      ({ caughtUp, numbers: { length } }) => {
        // The second is still sent, the others are not.
        if (caughtUp === 1 && length === 1) for (const n of [1, 2, 3]) slipIn(server, 's-1', { n })
      },
    )
    expect(numbers).toEqual([0, 1, 2, 3])
    expect(lines).toMatchObject([{ details: { reason: 'what the log has did not come' } }])
  })

  it('that is made anew goes on from where it was', async () => {
    const { server, store, lines } = await filled(2, { idleMs: 60_000 })
    let isRenewed = false
    const { numbers } = await follow(
      store,
      ({ caughtUp }) => caughtUp === 2,
      ({ caughtUp }) => {
        if (caughtUp !== 1 || isRenewed) return
        isRenewed = true
        // Once the consumer has asked for more.
        setImmediate(() => {
          store.resubscribe()
          slipIn(server, 's-1', { n: 2 })
        })
      },
    )
    expect(numbers).toEqual([0, 1, 2])
    expect(server.calls.filter(({ target }) => target === '$all subscription')).toHaveLength(2)
    expect(lines).toMatchObject([{ details: { reason: 'it stood still' } }])
  })

  it.each(['its events', 'that it caught up'])(
    'whose consumer still handles %s is not made anew, and not called lost',
    async (what) => {
      const { server, store, lines } = await filled(2, { idleMs: 60_000 })
      let isAsked = false
      const { numbers } = await follow(
        store,
        ({ numbers: { length } }) => length === 3,
        ({ numbers: { length }, caughtUp }) => {
          if (isAsked || length < 2 || (what === 'that it caught up') !== caughtUp > 0) return
          isAsked = true
          store.resubscribe()
          slipIn(server, 's-1', { n: 2 })
        },
      )
      expect(numbers).toEqual([0, 1, 2])
      expect(server.calls.filter(({ target }) => target === '$all subscription')).toHaveLength(1)
      expect(lines).toEqual([])
    },
  )

  it('that is denied for a moment goes on, and ends where it stays so, naming the right', async () => {
    const { server, store } = await filled(1, { deniedMs: 300 })
    server.faults.onRead('subscription', 'denied', 2)
    expect((await follow(store, ({ caughtUp }) => caughtUp > 0)).numbers).toEqual([0])
    server.faults.onRead('subscription', 'denied', Infinity)
    await expect(follow(store, () => false)).rejects.toThrow('needs the right to read $all')
  })

  it('is denied anew after it went on, and has as long as before', async () => {
    const deniedMs = 100
    const { server, store } = await filled(1, { deniedMs })
    let goneOnAt = 0
    server.faults.onRead('subscription', 'denied')
    const { caughtUp } = await follow(
      store,
      (followed) => followed.caughtUp === 2,
      async (followed) => {
        if (followed.caughtUp !== 1 || goneOnAt > 0) return
        goneOnAt = performance.now()
        await until(() => performance.now() - goneOnAt > deniedMs, 'that time is over')
        server.faults.onRead('subscription', 'denied')
        server.dropConnections()
      },
    )
    expect(caughtUp).toBe(2)
  })

  it('that is never confirmed is begun again', async () => {
    const { server, store } = await filled(2)
    server.faults.onRead('subscription', 'ignore')
    expect((await follow(store, ({ caughtUp }) => caughtUp > 0)).numbers).toEqual([0, 1])
  })

  it('does not run ahead of its consumer without bound', async () => {
    const server = await startServer()
    const { store } = openStore(server)
    fill(server, 's-1', 6_000, { text: 'x'.repeat(2_000) })
    const sentAtFirst: number[] = []
    const { numbers } = await follow(
      store,
      ({ caughtUp }) => caughtUp > 0,
      async () => {
        if (sentAtFirst.length > 0) return
        // Nothing tells that a server has stopped sending; two looks without a change do.
        let before = -1
        await until(() => {
          const still = server.eventsSent === before
          before = server.eventsSent
          return still
        }, 'the server waits')
        sentAtFirst.push(server.eventsSent)
      },
    )
    expect(sentAtFirst[0]).toBeLessThan(3_000)
    expect(numbers).toHaveLength(6_000)
  })

  it('aborted while it waits to subscribe again ends without an error', async () => {
    const { server, store } = await filled(1, { backOffMsMin: 60_000, backOffMsMax: 60_000 })
    const abort = new AbortController()
    const following = (async () => {
      for await (const item of store.subscribe({ after: null, categories: ['s'], signal: abort.signal })) {
        if (item.type === 'caught-up') server.dropConnections()
      }
    })()
    const begun = () => server.calls.some(({ target }) => target === '$all subscription')
    await until(() => begun() && server.openReads().length === 0, 'it was dropped')
    abort.abort()
    await following
  })

  it('of a server that never says so still catches up, after each loss of the connection', async () => {
    const server = await startServer()
    server.faults.withoutCaughtUp = true
    const { store } = openStore(server)
    await append(store, 's-1', 0, [newEvent({ n: 0 })])
    slipIn(server, 'other-1')
    const all = await collect(store.readAll({ after: null, categories: ['s'] }))
    expect(all.map(({ data }) => data.n)).toEqual([0])
    const { numbers } = await follow(
      store,
      (followed) => followed.caughtUp === 2,
      async (followed) => {
        if (followed.caughtUp === 1 && followed.numbers.length === 1) {
          slipIn(server, 's-1', { n: 1 })
          server.dropConnections()
        }
      },
    )
    expect(numbers).toEqual([0, 1])
  })
})

describe('closing', () => {
  it('lets appends under way settle, takes no more, and may be done twice', async () => {
    const server = await startServer()
    const { store } = openStore(server, { limits: { appendTryMs: 5_000, closeMs: 5_000 } })
    server.faults.onAppend('write-and-hold')
    const outcome = append(store, 's-1', 0, [newEvent()])
    const waiting = append(store, 's-1', 1, [newEvent()])
    await until(() => server.faults.heldCount === 1, 'it is under way')
    const closing = [store.close(), store.close()]
    expect(await waiting).toMatchObject({ status: 'unavailable' })
    server.faults.release()
    expect(await outcome).toMatchObject({ status: 'appended' })
    await Promise.all(closing)
    expect(await append(store, 's-1', 1, [newEvent()])).toMatchObject({ status: 'unavailable' })
    await expect(collect(store.readStream('s-1'))).rejects.toThrow(EventStoreUnavailable)
    await expect(store.check()).rejects.toThrow(EventStoreUnavailable)
  })

  it('does not wait for a silent server without end', async () => {
    const server = await startServer()
    const { store } = openStore(server, { limits: { appendTryMs: 60_000, closeMs: 50 } })
    server.faults.onAppend('ignore')
    const outcome = append(store, 's-1', 0, [newEvent()])
    await until(() => server.received.length === 1, 'it is under way')
    await store.close()
    expect(await outcome).toMatchObject({ status: 'unknown' })
  })

  it('ends subscriptions without an error and leaves no call or connection', async () => {
    const server = await startServer()
    const { store } = openStore(server)
    const signal = new AbortController().signal
    let caughtUp = false
    const following = (async () => {
      for await (const item of store.subscribe({ after: null, categories: ['s'], signal })) {
        caughtUp ||= item.type === 'caught-up'
      }
    })()
    await until(() => caughtUp, 'it caught up')
    await append(store, 's-1', 0, [newEvent()])
    await store.close()
    await following
    await until(() => server.openReads().length === 0 && server.openConnections === 0, 'nothing is left open')
  })

  it('lets the process end', async () => {
    const server = await startServer()
    const child = runChild('exit', server.url)
    await child.says('caught-up')
    child.tell('close')
    expect(await child.exited).toBe(0)
    expect(child.lines).toEqual(expect.arrayContaining(['appended', 'events', 'caught-up', 'closed']))
  })
})

describe('stray rejections of the client', () => {
  it('another client’s lost connection and the late reply after it neither end the process nor lose an append', async () => {
    const [mine, theirs] = [await startServer(), await startServer()]
    const child = runChild('two-stores', mine.url, theirs.url)
    await child.says('mine appended')
    mine.faults.onAppend('write-and-hold')
    child.tell('go')
    await until(() => mine.faults.heldCount === 1, 'the reply is held')
    theirs.dropConnections()
    await child.says('held appended')
    mine.faults.release()
    await child.says('warn A reply came for an append already given up; replacing the client')
    child.tell('released')
    expect(await child.exited).toBe(0)
    expect(child.lines).toContain('after appended')
    expect(mine.log.events.map(({ stream }) => stream)).toEqual(['s-1', 's-2', 's-3'])
  })

  it('of appends given up while they wait in its send buffer do not end the process', async () => {
    const server = await startServer()
    server.faults.readsNoAppends = true
    const child = runChild('stalled', server.url)
    await child.says('warn Replacing the appending client')
    server.faults.readsNoAppends = false
    expect(await child.exited).toBe(0)
    expect(child.errors()).toBe('')
    expect(child.lines).toContain('settled 200')
    expect(server.log.events).toHaveLength(200)
  })

  it('are all that is swallowed: any other unhandled rejection ends the process', async () => {
    const server = await startServer()
    const child = runChild('other-rejection', server.url)
    expect(await child.exited).toBe(1)
    expect(child.errors()).toContain('somebody forgot this')
  })
})

it('never logs the connection string', async () => {
  const server = await startServer()
  const url = `esdb://admin:se-cret@127.0.0.1:${server.port}?tls=false`
  const { store, lines } = openStore(server, { url })
  server.faults.onAppend('ignore')
  server.faults.onAppend('drop')
  expect(await append(store, 's-1', 0, [newEvent()])).toMatchObject({ status: 'appended' })
  await server.stop()
  await expect(collect(store.readStream('s-1'))).rejects.toThrow(expect.not.stringContaining('se-cret'))
  expect(lines.length).toBeGreaterThan(2)
  expect(JSON.stringify(lines)).not.toContain('se-cret')
})
