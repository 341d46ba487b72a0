/** Rows in PostgreSQL: what every read model promises, who may write them, and what an operator reads where they cannot be had. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import pg from 'pg'
import { createServer, type AddressInfo, type Server } from 'node:net'
import { once } from 'node:events'
import { PostgresConnection } from '../../src/read-model/postgres-connection.js'
import { PostgresReadModel } from '../../src/read-model/postgres-read-model.js'
import { createStatements, selectRange, selectRanges, type Query } from '../../src/read-model/postgres-sql.js'
import { readPostgresUrl } from '../../src/read-model/postgres-url.js'
import { ReadModelDamaged, ReadModelUnavailable, ReadModelUnusable } from '../../src/read-model/read-model.js'
import { readModelContract } from '../contract/read-model.contract.js'
import { PostgresServer } from '../postgres-server.js'
import { TcpProxy } from '../tcp-proxy.js'
import { TransactionPooler } from '../transaction-pooler.js'
import { usageRecords, usageSeries } from '../../src/read-model/tables.js'
import { Random } from '../random.js'
import { counts, randomVisit, small, visits } from './naive-rows.js'

function deferred(): { readonly promise: Promise<void>; readonly resolve: () => void } {
  let resolve = (): void => undefined
  const promise = new Promise<void>((resolved) => (resolve = resolved))
  return { promise, resolve }
}

let server: PostgresServer
beforeAll(async () => {
  server = await PostgresServer.start()
})
afterAll(() => server.stop())

readModelContract('PostgreSQL', async () => {
  const url = await server.newDatabase()
  return { open: (snapshotWaitMs) => new PostgresReadModel(url, snapshotWaitMs), remove: async () => undefined }
})

describe('Rows in PostgreSQL', () => {
  let url: string
  let opened: PostgresReadModel[]
  beforeEach(async () => {
    url = await server.newDatabase()
    opened = []
  })
  afterEach(async () => {
    for (const each of opened) await each.close()
  })

  function open(parameters = ''): PostgresReadModel {
    const readModel = new PostgresReadModel(`${url}${parameters}`)
    opened.push(readModel)
    return readModel
  }

  async function writing(parameters = ''): Promise<PostgresReadModel> {
    const readModel = open(parameters)
    await readModel.lead()
    await readModel.prepare([small])
    return readModel
  }

  it.each([
    ['few', 'n % 3'],
    ['many', 'n % 2000'],
  ])('are found one range at a time by the index that is asked, of %s series', async (_few, series) => {
    const session = await PostgresConnection.open(readPostgresUrl(url), 'reading')
    const records = 'public.records'
    for (const statement of createStatements(usageRecords, records)) await session.run(statement)
    await session.run(`INSERT INTO ${records} SELECT n, 1, 'id-' || n, ${series}, '1', n * 7919 % 20000, n, NULL, 0, n, NULL, NULL, NULL
      FROM generate_series(1, 20000) AS n`)
    await session.run(`ANALYZE ${records}`)
    // Also series that have no record, for which all others would be passed over.
    const ranges = [1, 2, 5000, 5001].map((each) => ({ prefix: [each], from: 0, to: Number.MAX_SAFE_INTEGER }))
    const plans: string[] = []
    const planned = async (index: string, { text, parameters }: Query): Promise<void> => {
      const plan = await session.values(`EXPLAIN ${text}`, parameters)
      const scans = plan.flatMap(
        ([line]) => /(?:^|-> +)((?:Index|Bitmap|Seq|Incremental|Sort) .*?) {2}/.exec(String(line))?.[1] ?? [],
      )
      plans.push(`${index}: ${scans.join()}`)
    }
    for (const index of ['series', 'occurred']) {
      for (const how of [
        { limit: 1 },
        { limit: 16 },
        { limit: 256, reverse: true },
        { limit: 16, where: { cancelledAt: null } },
      ]) {
        await planned(index, selectRanges(usageRecords, records, null, ranges, { index, ...how }))
        // As many as may be fewer than the series has: all of a small one may as well be put in order once they are read.
        const one = { ...how, index, prefix: [2], limit: Math.min(how.limit, 4) }
        for (const bounds of [{}, { from: 10 }, { to: 20000 }, { from: 10, to: 20000 }]) {
          await planned(index, selectRange(usageRecords, records, null, { ...one, ...bounds }))
        }
        if (how.reverse) continue
        const after = index === 'series' ? [10] : [10, 10]
        await planned(index, selectRange(usageRecords, records, null, { ...one, after }))
      }
    }
    // A narrow range of a large series, which ends where it ends and not with the series.
    const pagesRead: number[] = []
    for (const reverse of [false, true]) {
      for (const index of ['series', 'occurred']) {
        const narrow = { index, prefix: [2], from: 10_000, to: 10_010, limit: 256, reverse }
        for (const { text, parameters } of [
          selectRange(usageRecords, records, null, narrow),
          selectRanges(usageRecords, records, null, [{ prefix: [2], from: 10_000, to: 10_010 }], narrow),
        ]) {
          const plan = await session.values(`EXPLAIN (ANALYZE, BUFFERS) ${text}`, parameters)
          const [, hit = 0, read = 0] =
            /Buffers: shared(?: hit=(\d+))?(?: read=(\d+))?/.exec(plan.map(String).join()) ?? []
          pagesRead.push(Number(hit) + Number(read))
        }
      }
    }
    expect(Math.max(...pagesRead)).toBeLessThan(20)
    expect(Math.min(...pagesRead)).toBeGreaterThan(0)
    await session.close()
    const using = (index: string) => `${index}: Index Scan using records_${index} on records`
    const backward = (index: string) => using(index).replace('Scan', 'Scan Backward')
    const expected = (index: string) => [
      ...Array<string>(12).fill(using(index)),
      ...Array<string>(5).fill(backward(index)),
      ...Array<string>(6).fill(using(index)),
    ]
    expect(plans).toEqual([...expected('series'), ...expected('occurred')])
  })

  const database = (): string => new URL(url).pathname.slice(1)

  /** As a server that is restarted does. */
  const endSessions = (): Promise<unknown> =>
    server.query(`SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '${database()}'`)

  it('are written by one process at a time, and by another when that one is gone', async () => {
    const first = await writing()
    const second = open()
    expect(await first.lead()).toBe('leading')
    expect(await second.lead()).toBe('following')
    await expect(second.write(async () => undefined)).rejects.toThrow(ReadModelUnavailable)
    await first.close()
    expect(await second.lead()).toBe('begun')
    await second.write((rows) => rows.insertNew(visits, [randomVisit(new Random(1), 1)]).then(() => undefined))
    expect(await open().count(visits)).toBe(1)
  })

  it('are written through no pooler that gives a session to others, which is said before anything is written', async () => {
    const pooler = await TransactionPooler.start(url)
    try {
      const readModel = new PostgresReadModel(pooler.url)
      opened.push(readModel)
      await readModel.schemas()
      await expect(readModel.lead()).rejects.toMatchObject({
        name: 'ReadModelUnusable',
        isPassing: false,
        message: expect.stringContaining('through a pooler that gives a session to others after each transaction') as unknown, // prettier-ignore
      })
    } finally {
      pooler.close()
    }
  })

  it('are left to a process of another user, whose session one may see and not end', async () => {
    await writing()
    const user = `other_of_${database()}`
    await server.query(`CREATE USER ${user} IN ROLE pg_monitor`)
    const other = new PostgresReadModel(url.replace('meterbook@', `${user}@`))
    opened.push(other)
    expect(await other.lead()).toBe('following')
    expect(await other.endIdleLeader(0)).toBe(false)
    expect(await open().endIdleLeader(0)).toBe(true)
    // The session that was ended lets go a moment later.
    let standing = await other.lead()
    while (standing === 'following') standing = await other.lead()
    expect(standing).toBe('begun')
  })

  it('are not written by a process that lost its session, until it begins to lead again', async () => {
    const readModel = await writing()
    const visit = randomVisit(new Random(1), 1)
    const cutOff = readModel.write(async (rows) => {
      await rows.insertNew(visits, [visit])
      await endSessions()
      await rows.insertNew(visits, [{ ...visit, number: 2, name: 'other' }])
    })
    await expect(cutOff).rejects.toThrow(ReadModelUnavailable)
    await expect(readModel.write(async () => undefined)).rejects.toThrow(
      /^The session that wrote the schema meterbook .* was lost\. Another process may be writing the read model by now\.$/,
    )
    expect(await readModel.lead()).toBe('begun')
    expect(await readModel.lead()).toBe('leading')
    expect(await readModel.count(visits)).toBe(0)
    await readModel.write((rows) => rows.insertNew(visits, [visit]).then(() => undefined))
    expect(await readModel.count(visits)).toBe(1)
  })

  it('are written on, by a process that begins to lead again, as others have left them meanwhile', async () => {
    const readModel = await writing()
    await readModel.write((rows) => rows.setCheckpoint('small', { position: '1', sequence: 1, event: '1 id stream' }))
    await endSessions()
    const other = await writing()
    await other.beginBuild([small], false)
    await other.write((_, building) =>
      building.setCheckpoint('small', { position: '2', sequence: 2, event: '2 id stream' }),
    )
    await other.switchBuild('{}')
    await other.close()
    while ((await readModel.lead()) === 'leading') await new Promise((resolve) => setImmediate(resolve))
    const visit = randomVisit(new Random(1), 1)
    await readModel.write((rows) => rows.insertNew(visits, [visit]).then(() => undefined))
    expect(await readModel.range(visits, { limit: 9 })).toEqual([visit])
  })

  it('are read again through a connection on which a read was cancelled before it saw anything', async () => {
    const readModel = await writing()
    await readModel.snapshot((rows) => rows.count(visits))
    const holder = new pg.Client({ connectionString: url })
    await holder.connect()
    await holder.query('BEGIN; LOCK TABLE meterbook.projections')
    const cancelled = expect(readModel.snapshot((rows) => rows.count(visits))).rejects.toThrow(ReadModelUnusable)
    const cancel = `SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE datname = '${database()}' AND wait_event_type = 'Lock'`
    while ((await server.query(cancel)).length === 0);
    await cancelled
    await holder.end()
    expect(await readModel.snapshot((rows) => rows.count(visits))).toBe(0)
  })

  it('are not written through a session that others are given in between, as some poolers do', async () => {
    const readModel = await writing()
    await server.query(
      `CREATE FUNCTION taken() RETURNS trigger LANGUAGE plpgsql AS
       $$ BEGIN PERFORM set_config('meterbook.writer', 'another service', false); RETURN NEW; END $$`,
      database(),
    )
    await server.query(
      'CREATE TRIGGER taking AFTER UPDATE ON meterbook.projections FOR EACH ROW EXECUTE FUNCTION taken()',
      database(),
    )
    const write = (sequence: number): Promise<void> =>
      readModel.write((rows) => rows.setCheckpoint('small', { position: '1', sequence, event: '1 id stream' }))
    await write(1)
    const refused = write(2)
    await expect(refused).rejects.toThrow(ReadModelUnusable)
    await expect(refused).rejects.toThrow(/is reached through a pooler .* Set its pool_mode to session/)
    expect(await readModel.checkpoint('small')).toMatchObject({ sequence: 1 })
  })

  it('wait for a standby to take writes, in the middle of a failover', async () => {
    const standby = await server.standby()
    try {
      const readModel = new PostgresReadModel(standby.url())
      opened.push(readModel)
      expect(await readModel.lead()).toBe('begun')
      await expect(readModel.prepare([small])).rejects.toThrow(ReadModelUnavailable)
      await standby.query('SELECT pg_promote()')
      await readModel.prepare([small])
      expect(await readModel.count(visits)).toBe(0)
    } finally {
      await standby.stop()
    }
  })

  it('are read through another connection where one ended that nobody used', async () => {
    const readModel = await writing()
    const reads = (): Promise<number[]> =>
      Promise.all(Array.from({ length: 6 }, () => readModel.snapshot((rows) => rows.count(visits))))
    for (let rounds = 0; rounds < 5; rounds++) {
      expect(await reads()).toEqual([0, 0, 0, 0, 0, 0])
      await endSessions()
    }
  })

  it('are had again soon where the way to the server is gone without a sign, for all who wait and for who comes next', async () => {
    const proxy = await TcpProxy.start(url)
    try {
      const readModel = new PostgresReadModel(proxy.url)
      opened.push(readModel)
      await readModel.lead()
      await readModel.prepare([small])
      const snapshots = (): Promise<number[]> =>
        Promise.all(Array.from({ length: 6 }, () => readModel.snapshot((rows) => rows.count(visits))))
      await Promise.all([snapshots(), readModel.count(visits)])

      proxy.forget()
      const since = performance.now()
      const written = expect(readModel.write(async () => undefined)).rejects.toThrow('does nothing for it any more')
      // Nothing was read through the connection that was lost, so another one will do.
      expect(await readModel.snapshot((rows) => rows.count(visits))).toBe(0)
      await written
      expect(await readModel.lead()).toBe('begun')
      await readModel.write((rows) => rows.insertNew(visits, [randomVisit(new Random(1), 1)]).then(() => undefined))
      expect(await Promise.all([snapshots(), readModel.count(visits)])).toEqual([[1, 1, 1, 1, 1, 1], 1])
      // Less than one such statement may take, however much of it there is to find out.
      expect(performance.now() - since).toBeLessThan(10_000)
    } finally {
      proxy.close()
    }
  })

  it('are read again where the way was lost after the end of the read before, which was answered', async () => {
    await writing()
    const proxy = await TcpProxy.start(url)
    try {
      const readModel = new PostgresReadModel(proxy.url)
      opened.push(readModel)
      const held: Promise<void>[] = []
      await readModel.snapshot(async (rows) => {
        await rows.count(visits)
        held.push(proxy.hold())
      })
      const next = readModel.snapshot((rows) => rows.count(visits))
      await Promise.all(held)
      proxy.forget()
      proxy.give()
      expect(await next).toBe(0)
      expect(proxy.connections).toBeGreaterThan(1)
    } finally {
      proxy.close()
    }
  })

  it('are shared by processes whose user becomes another one, which owns them and sees no sessions', async () => {
    const [owner, user] = [`owner_of_${database()}`, `user_of_${database()}`]
    await server.query(`CREATE ROLE ${owner}; CREATE ROLE ${user} LOGIN NOINHERIT IN ROLE ${owner}; ALTER ROLE ${user} SET role = ${owner}`) // prettier-ignore
    await server.query(`CREATE SCHEMA meterbook AUTHORIZATION ${owner}`, database())
    url = url.replace('meterbook@', `${user}@`)
    const first = await writing()
    const second = open()
    await first.beginBuild([small], false)
    const [seen, end] = [deferred(), deferred()]
    const reading = second.snapshot(async (rows) => {
      await rows.count(counts)
      seen.resolve()
      await end.promise
      return rows.count(visits)
    })
    await seen.promise
    await first.switchBuild('{}')
    for (let looks = 0; looks < 3; looks++) expect(await first.dropReplaced(false)).toBe(true)
    end.resolve()
    expect(await reading).toBe(0)
    while (await first.dropReplaced(false));
    const tables = `SELECT FROM pg_tables WHERE schemaname = 'meterbook' AND tablename LIKE 'visits%'`
    expect(await server.query(tables, database())).toHaveLength(1)

    expect(await second.lead()).toBe('following')
    expect(await second.endIdleLeader(0)).toBe(true)
    let standing = await second.lead()
    while (standing === 'following') standing = await second.lead()
    expect(standing).toBe('begun')
    await second.write((rows) => rows.insertNew(visits, [randomVisit(new Random(1), 1)]).then(() => undefined))

    const proxy = await TcpProxy.start(url)
    try {
      const session = await PostgresConnection.open(readPostgresUrl(proxy.url), 'reading')
      proxy.forget()
      await expect(session.rows('SELECT 1')).rejects.toThrow('does nothing for it any more')
    } finally {
      proxy.close()
    }
  })

  it('are waited for as long as the server works, or cannot be asked', async () => {
    const proxy = await TcpProxy.start(url)
    try {
      const session = await PostgresConnection.open(readPostgresUrl(url), 'writing')
      const slow = session.rows('SELECT pg_sleep(8)')
      const behind = await PostgresConnection.open(readPostgresUrl(proxy.url), 'writing')
      proxy.isSilent = true
      const unheard = expect(behind.rows('SELECT 1')).rejects.toThrow('Connection terminated')
      expect(await slow).toHaveLength(1)
      expect([session.isAbandoned, behind.isAbandoned]).toEqual([false, false])
      await session.close()
      await behind.close()
      await unheard
    } finally {
      proxy.close()
    }
  })

  it('are apart in each schema', async () => {
    const [one, other] = [await writing(), await writing('?schema=other')]
    await one.write((rows) => rows.insertNew(visits, [randomVisit(new Random(1), 1)]).then(() => undefined))
    expect(await Promise.all([one.count(visits), other.count(visits)])).toEqual([1, 0])
    expect(other.removal).toBe(`drop schema other of the PostgreSQL database ${database()} at ${new URL(url).host} (DROP SCHEMA other CASCADE)`) // prettier-ignore
  })

  it('are read again once a server that was restarted takes connections', async () => {
    const readModel = await writing()
    const reads = () => Promise.all(Array.from({ length: 6 }, () => readModel.snapshot((rows) => rows.count(visits))))
    await reads()
    const held = readModel.snapshot(async (rows) => {
      await server.kill()
      return rows.count(visits)
    })
    await expect(held).rejects.toThrow(ReadModelUnusable)
    await expect(readModel.count(visits)).rejects.toThrow(ReadModelUnusable)
    await expect(readModel.lead()).rejects.toThrow(ReadModelUnavailable)
    await server.restart()
    expect(await reads()).toEqual([0, 0, 0, 0, 0, 0])
    expect(await readModel.lead()).toBe('begun')
  })

  it('are not read where they were taken back to an earlier moment, because answers were given from later ones', async () => {
    const readModel = await writing()
    await readModel.write((rows) => rows.setCheckpoint('small', { position: '9', sequence: 9, event: '1 id stream' }))
    expect(await readModel.checkpoint('small')).toMatchObject({ sequence: 9 })
    await server.query('UPDATE meterbook.projections SET sequence = 8', database())
    for (const read of [() => readModel.count(visits), () => readModel.snapshot((rows) => rows.count(visits))]) {
      await expect(read()).rejects.toMatchObject({
        name: 'ReadModelUnusable',
        isPassing: false,
        message: expect.stringContaining('was taken back from usage event 9 to 8. Restart the services') as unknown,
      })
    }
    const other = open()
    expect(await other.checkpoint('small')).toMatchObject({ sequence: 8 })
    other.reached(9)
    other.reached(7)
    await expect(other.count(visits)).rejects.toThrow('was taken back from usage event 9 to 8.')
  })

  it('are not written on where a backup was restored beneath whoever writes them', async () => {
    const readModel = await writing()
    const reach = (position: number): Promise<void> =>
      readModel.write((rows) => rows.setCheckpoint('small', { position: String(position), sequence: 1, event: `${position} id stream` })) // prettier-ignore
    await reach(1)
    await server.query('CREATE TABLE backup AS SELECT * FROM meterbook.projections', database())
    await reach(2)
    await server.query('BEGIN; DELETE FROM meterbook.projections; INSERT INTO meterbook.projections SELECT * FROM backup; COMMIT', database()) // prettier-ignore
    for (let tries = 0; tries < 2; tries++) {
      await expect(reach(3)).rejects.toMatchObject({
        name: 'ReadModelUnusable',
        isPassing: false,
        message: expect.stringContaining('do not stand where this service has left them') as unknown,
      })
    }
    await readModel.close()
    const next = await writing()
    await next.write(async (rows) => expect(await rows.checkpoint('small')).toMatchObject({ position: '1' }))
  })

  it('may have texts that are longer than an entry of an index', async () => {
    const readModel = open()
    await readModel.lead()
    await readModel.prepare([{ projection: 'usage-index', schema: 1, tables: [usageSeries] }])
    // As hard to compress as a text can be.
    const random = new Random(3)
    const long = (): string =>
      String.fromCodePoint(...Array.from({ length: 5_000 }, () => random.integer(0x4e00, 0x9fff)))
    const series = Array.from({ length: 6 }, (_, n) => ({ series: n + 1, meter: 1, customer: `cus_${n % 2}`, dimensions: JSON.stringify([long()]) })) // prettier-ignore
    await readModel.write((rows) => rows.put(usageSeries, series))
    const inOrder = [...series].sort(
      (one, other) =>
        Buffer.compare(Buffer.from(one.customer), Buffer.from(other.customer)) ||
        Buffer.compare(Buffer.from(one.dimensions), Buffer.from(other.dimensions)),
    )
    expect(await readModel.range(usageSeries, { index: 'combination', prefix: [1], limit: 9 })).toEqual(inOrder)
    const { customer, dimensions } = inOrder[2]!
    const after = { index: 'combination', prefix: [1], after: [customer, dimensions], limit: 9 }
    expect(await readModel.range(usageSeries, after)).toEqual(inOrder.slice(3))
    const keys = inOrder.map((each) => [1, each.customer, each.dimensions])
    expect(await readModel.get(usageSeries, keys, 'combination')).toEqual(inOrder)
    expect(await readModel.storageFaults([{ projection: 'usage-index', schema: 1, tables: [usageSeries] }])).toEqual([])
  })

  it('are in no database that cannot hold every text', async () => {
    await server.query("CREATE DATABASE narrow TEMPLATE template0 ENCODING 'LATIN1' LC_COLLATE 'C' LC_CTYPE 'C'")
    url = server.url('narrow')
    await expect(writing()).rejects.toThrow(/has the encoding LATIN1, which cannot hold every text/)
  })

  it('are written whatever the database and its users are set to', async () => {
    const SHORT_MS = 250
    for (const setting of [
      'default_transaction_read_only = on',
      "default_transaction_isolation = 'serializable'",
      'idle_in_transaction_session_timeout = 1',
      'synchronous_commit = off',
      'array_nulls = off',
      // Long enough for the statement that sets it otherwise.
      `statement_timeout = ${SHORT_MS}`,
      "search_path = 'nowhere'",
      'quote_all_identifiers = on',
    ]) {
      await server.query(`ALTER DATABASE ${database()} SET ${setting}`)
    }
    const readModel = await writing('?schema=user')
    await readModel.write(async (rows) => {
      await rows.insertNew(visits, [{ ...randomVisit(new Random(1), 1), leftAt: null }])
      await new Promise((resolve) => setTimeout(resolve, 20))
      await rows.setCheckpoint('small', { position: '1', sequence: 1, event: '1 id stream' })
    })
    expect(await readModel.range(visits, { limit: 9 })).toMatchObject([{ leftAt: null }])
    expect(await readModel.storageFaults([small])).toEqual([])

    // A statement that takes longer than that.
    const holder = new pg.Client({ connectionString: url })
    await holder.connect()
    await holder.query('SET idle_in_transaction_session_timeout = 0')
    await holder.query('BEGIN READ WRITE; LOCK TABLE "user".projections')
    const found = readModel.range(visits, { limit: 9 })
    const waiting = `SELECT FROM pg_stat_activity WHERE datname = '${database()}' AND wait_event_type = 'Lock'
      AND query_start < clock_timestamp() - ${2 * SHORT_MS} * interval '1 millisecond'`
    while ((await server.query(waiting)).length === 0);
    await holder.end()
    expect(await found).toHaveLength(1)
  })

  it('are read through fewer connections where the server grants no more', async () => {
    await server.query('DROP ROLE IF EXISTS few')
    await server.query('CREATE ROLE few LOGIN CONNECTION LIMIT 2')
    await (
      await writing()
    ).write((rows) => rows.setCheckpoint('small', { position: '1', sequence: 7, event: '1 id stream' }))
    await server.query('GRANT USAGE ON SCHEMA meterbook TO few', database())
    await server.query('GRANT SELECT ON ALL TABLES IN SCHEMA meterbook TO few', database())
    url = url.replace('meterbook@', 'few@')
    const readModel = open()
    const reads = Array.from({ length: 12 }, () => readModel.snapshot((rows) => rows.checkpoint('small')))
    for (const { sequence } of await Promise.all(reads)) expect(sequence).toBe(7)
  })

  it('are read through fewer connections where those that are too many are taken and not answered', async () => {
    await writing()
    const proxy = await TcpProxy.start(url)
    try {
      const readModel = new PostgresReadModel(proxy.url)
      opened.push(readModel)
      proxy.passingMax = 2
      const since = performance.now()
      // Reads that are kept open take all there are but one.
      const [taken, end] = [deferred(), deferred()]
      const kept = readModel.snapshot(async (rows) => {
        await rows.count(visits)
        taken.resolve()
        await end.promise
        return rows.count(visits)
      })
      await taken.promise
      const snapshots = Array.from({ length: 9 }, () => readModel.snapshot((rows) => rows.count(visits)))
      for (let rounds = 0; rounds < 5; rounds++) {
        const singles = Array.from({ length: 12 }, () => readModel.count(visits))
        expect(new Set(await Promise.all(singles))).toEqual(new Set([0]))
      }
      end.resolve()
      expect(new Set(await Promise.all([kept, ...snapshots]))).toEqual(new Set([0]))
      // Sooner than it is known of any that it is not answered.
      expect(performance.now() - since).toBeLessThan(10_000)
      expect(proxy.openConnections).toBe(2)
      expect(proxy.waitingConnections).toBeGreaterThan(0)
      // What takes up a place in the server twice would be kept from none.
      expect(proxy.connections).toBeLessThanOrEqual(12)
    } finally {
      proxy.close()
    }
  })

  it('are not to be had where no connection is answered, which is said once that is known', async () => {
    await writing()
    const proxy = await TcpProxy.start(url)
    try {
      const readModel = new PostgresReadModel(proxy.url)
      opened.push(readModel)
      proxy.passingMax = 0
      const reads = [readModel.count(visits), readModel.snapshot((rows) => rows.count(visits))]
      for (const read of reads) {
        await expect(read).rejects.toMatchObject({
          name: 'ReadModelUnusable',
          isPassing: true,
          message: expect.stringContaining('a new connection was not answered for 10 s; where it is reached through a pooler') as unknown, // prettier-ignore
        })
      }
      proxy.passingMax = 1
      expect(await readModel.count(visits)).toBe(0)
    } finally {
      proxy.close()
    }
  })

  it('have faults where a table, a column or an index is not as it is made', async () => {
    const readModel = await writing()
    expect(await readModel.storageFaults([small])).toEqual([])
    await server.query('DROP INDEX meterbook.visits_1_city', database())
    await server.query('ALTER TABLE meterbook.counts_1 ALTER records DROP NOT NULL', database())
    await server.query('DROP INDEX meterbook.visits_1_name', database())
    await server.query('CREATE INDEX visits_1_name ON meterbook.visits_1 (name)', database())
    expect(await readModel.storageFaults([small])).toEqual([
      'counts_1 is missing, or not as it is made.',
      'visits_1_name is missing, or not as it is made.',
      'visits_1_city is missing, or not as it is made.',
    ])
    await server.query(
      `CREATE FUNCTION doubled() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN NEW.records := 2 * NEW.records; RETURN NEW; END'`,
      database(),
    )
    await server.query(
      'CREATE TRIGGER doubling BEFORE INSERT ON meterbook.counts_1 FOR EACH ROW EXECUTE FUNCTION doubled()',
      database(),
    )
    expect(await readModel.storageFaults([small])).toContain(
      'doubling of counts_1 is not of the read model: it may change what is written.',
    )
    await server.query('DROP TABLE meterbook.visits_1', database())
    const read = open().count(visits)
    await expect(read).rejects.toThrow(ReadModelDamaged)
    await expect(read).rejects.toThrow(/DROP SCHEMA meterbook CASCADE/)
    expect(await readModel.count(counts)).toBe(0)
  })

  it('are made in a schema that was made for a user who may make none', async () => {
    await server.query(`DROP ROLE IF EXISTS tenant`)
    await server.query(`CREATE ROLE tenant LOGIN`)
    url = url.replace('meterbook@', 'tenant@')
    await expect(writing()).rejects.toThrow(
      /permission denied for database .* \(42501\)\. Grant the user CREATE on the database, or make it the owner of the schema\.$/,
    )
    await opened.pop()?.close()
    await server.query('CREATE SCHEMA meterbook AUTHORIZATION tenant', database())
    const readModel = await writing()
    expect(await readModel.count(visits)).toBe(0)
  })
})

describe('PostgreSQL that cannot be had', () => {
  async function refusalOf(url: string): Promise<Error> {
    const readModel = new PostgresReadModel(url)
    try {
      await readModel.schemas()
    } catch (error) {
      return error as Error
    } finally {
      await readModel.close()
    }
    throw new Error('It was had.')
  }

  it('is said with the place and what to do, and without the password', async () => {
    const { port } = new URL(server.url())
    await server.query("CREATE ROLE guest LOGIN PASSWORD 'hidden'")
    const passing = { name: 'ReadModelUnusable', isPassing: true }
    const lasting = { name: 'ReadModelUnusable', isPassing: false }
    expect(await refusalOf(`postgres://guest:hidden@127.0.0.1:${port}/nowhere`)).toMatchObject({
      ...lasting,
      message: `The schema meterbook of the PostgreSQL database nowhere at 127.0.0.1:${port} refused: database "nowhere" does not exist (3D000). Create the database (createdb), or name another one in READ_MODEL_URL.`,
    })
    expect(await refusalOf(`postgres://nobody:hidden@127.0.0.1:${port}/postgres`)).toMatchObject({
      ...lasting,
      message: `The schema meterbook of the PostgreSQL database postgres at 127.0.0.1:${port} refused: role "nobody" does not exist (28000). Mend the user or the password in READ_MODEL_URL.`,
    })
    expect(await refusalOf('postgres://guest:hidden@127.0.0.1:9/postgres')).toMatchObject({
      ...passing,
      message:
        'The schema meterbook of the PostgreSQL database postgres at 127.0.0.1:9 cannot be reached: connect ECONNREFUSED 127.0.0.1:9',
    })
    expect(await refusalOf('postgres://guest:hidden@no.such.host.invalid/postgres')).toMatchObject(passing)
  })

  describe('by TLS', () => {
    let own: PostgresServer
    beforeAll(async () => {
      own = await PostgresServer.start()
    })
    afterAll(() => own.stop())

    it('is told at the start with what to do, and waited for by whoever had it', async () => {
      expect(await refusalOf(`${own.url()}?sslmode=require`)).toMatchObject({
        isPassing: false,
        message: expect.stringMatching(/does not support SSL connections\. Have the server offer TLS/) as unknown,
      })
      const authority = await own.offerTls('first', 'DNS:localhost,IP:127.0.0.1')
      const checking = `${own.url()}?sslmode=verify-full&sslrootcert=${authority}`
      // The server takes up its new settings a moment later.
      const until = async <Result>(ask: () => Promise<Result>, isSo: (result: Result) => boolean): Promise<Result> => {
        for (;;) {
          const result = await ask()
          if (isSo(result)) return result
        }
      }
      const isGood = (): Promise<string> => refusalOf(checking).then(({ message }) => message, () => 'It was had.') // prettier-ignore
      const readModel = new PostgresReadModel(checking)
      try {
        await until(isGood, (what) => what === 'It was had.')
        expect(await readModel.lead()).toBe('begun')
        expect(await refusalOf(`${own.url()}?sslmode=require`)).toMatchObject({
          isPassing: false,
          // Later versions of Node.js say more of it.
          message: expect.stringMatching(
            /self-signed certificate\b.*\. Name the certificate of the authority/,
          ) as unknown,
        })

        const other = await own.offerTls('second', 'DNS:elsewhere')
        const named = `${own.url()}?sslmode=verify-full&sslrootcert=${other}`
        expect(
          await until(
            () => refusalOf(named),
            ({ message }) => message.includes('altnames'),
          ),
        ).toMatchObject({
          isPassing: false,
          message: expect.stringContaining('Name the server in READ_MODEL_URL as its certificate does') as unknown,
        })
        await own.query('SELECT pg_terminate_backend(pid) FROM pg_stat_ssl WHERE ssl')
        const reading = () => readModel.schemas().then(() => null, (error: ReadModelUnusable) => error) // prettier-ignore
        expect(await until(reading, (refusal) => refusal !== null)).toMatchObject({ isPassing: true })
        await expect(
          until(
            () => readModel.lead(),
            () => false,
          ),
        ).rejects.toThrow(ReadModelUnavailable)
      } finally {
        await readModel.close()
      }
    })
  })

  describe('where something else answers', () => {
    let other: Server
    beforeAll(async () => {
      other = createServer((socket) => void socket.end('HTTP/1.1 400 Bad Request\r\n\r\n')).listen(0, '127.0.0.1')
      await once(other, 'listening')
    })
    afterAll(() => void other.close())

    it('is told as well', async () => {
      const { port } = other.address() as AddressInfo
      expect((await refusalOf(`postgres://guest:hidden@127.0.0.1:${port}/postgres`)).message).toMatch(
        /^The schema meterbook of the PostgreSQL database postgres at 127\.0\.0\.1:\d+ cannot be reached: /,
      )
    })
  })
})
