/** `meterbook rebuild` beside whoever else writes a read model in PostgreSQL. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import type { RebuildObject } from '../../src/api/rebuild-object.js'
import { stateOf } from '../../src/projections/shared-rebuild.js'
import { PostgresReadModel } from '../../src/read-model/postgres-read-model.js'
import { EventStoreDbServer } from '../eventstoredb-server/eventstoredb-server.js'
import { PostgresServer } from '../postgres-server.js'
import { startServiceProcess, type ServiceProcess } from '../service-process.js'
import { start, type Running } from './command-line.js'

const PATH = '/meterbook/v1/projections'

describe('A rebuild from the command line, while another process writes the shared rows,', () => {
  let log: EventStoreDbServer
  let postgres: PostgresServer
  let folder: string
  beforeAll(async () => {
    folder = mkdtempSync(join(tmpdir(), 'meterbook-'))
    log = await EventStoreDbServer.start()
    postgres = await PostgresServer.start()
  })
  afterAll(async () => {
    await log.stop()
    await postgres.stop()
    rmSync(folder, { recursive: true })
  })

  let readModelUrl: string
  /** Which writes the rows, and does with a rebuild what the test says. */
  let other: PostgresReadModel
  beforeEach(async () => {
    readModelUrl = await postgres.newDatabase()
    expect(await rebuild('meters').ended).toMatchObject({ code: 0 })
    other = new PostgresReadModel(readModelUrl)
    await other.lead()
  })
  afterEach(() => other.close())

  const rebuild = (...projections: string[]): Running =>
    start(['rebuild', ...projections], {
      EVENT_STORE_URL: log.url,
      READ_MODEL_URL: readModelUrl,
      DATA_DIR: join(folder, 'data'),
    })

  /** A service that has all there is to fold, and then loses the lead. */
  async function startFollowing(): Promise<ServiceProcess> {
    await other.close()
    const service = await startServiceProcess({
      EVENT_STORE_URL: log.url,
      READ_MODEL_URL: readModelUrl,
      DATA_DIR: join(folder, 'service'),
      LOG_LEVEL: 'warn',
    })
    while ((await service.api.get('/readyz')).status !== 200);
    other = new PostgresReadModel(readModelUrl)
    const database = new URL(readModelUrl).pathname.slice(1)
    while ((await other.lead()) === 'following')
      await postgres.query(
        `SELECT pg_terminate_backend(pid) FROM pg_locks AS l WHERE l.locktype = 'advisory' AND l.granted
          AND l.database = (SELECT oid FROM pg_database WHERE datname = '${database}')`,
      )
    return service
  }

  /** Meanwhile the one that writes gives a sign. */
  async function shown(service: ServiceProcess, projection: string): Promise<RebuildObject | null> {
    await other.builds()
    const { body } = await service.api.get(`${PATH}/${projection}`)
    return (body as { rebuild: RebuildObject | null }).rebuild
  }

  it('fails where one runs already, and says nothing of that one', async () => {
    const running = { projections: ['usage-cells'], keep: false }
    await other.rebuildBoard.ask(JSON.stringify(running))
    await other.rebuildBoard.take(JSON.stringify(stateOf(running)))
    const { code, stdout, stderr } = await rebuild('meters').ended
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' })
    expect(stderr).toContain('The rebuild of meters failed; the old rows serve. Another rebuild runs or was asked for already.') // prettier-ignore
  })

  it('is told as refused by the service that was asked for it, and not as the one that runs', async () => {
    const service = await startFollowing()
    try {
      const running = { projections: ['meters', 'usage-cells'], keep: false, id: 'another' }
      for (;;) {
        await other.rebuildBoard.ask(JSON.stringify(running))
        await other.rebuildBoard.take(JSON.stringify(stateOf(running)))
        // Unless it has looked at the board in between.
        if ((await service.api.post(`${PATH}/usage-cells/rebuild`, {})).status === 202) break
        await other.rebuildBoard.tell(JSON.stringify({ ...stateOf(running), status: 'completed' }), false)
        while ((await shown(service, 'usage-cells'))?.status !== 'completed');
      }
      const asked = await shown(service, 'usage-cells')
      expect(asked).toMatchObject({ projections: ['usage-cells'], id: expect.any(String) as unknown })
      let refused = asked
      while ((refused = await shown(service, 'usage-cells'))?.status === 'building');
      expect(refused).toMatchObject({ id: asked?.id, status: 'failed', failure: expect.stringMatching(/^Another rebuild runs/) as unknown }) // prettier-ignore
      // Also once it tells of the other one where that one alone was asked for.
      while ((await shown(service, 'meters'))?.id !== 'another');
      await other.rebuildBoard.tell(JSON.stringify({ ...stateOf(running), status: 'completed' }), false)
      while ((await shown(service, 'meters'))?.status !== 'completed');
      expect(await shown(service, 'usage-cells')).toEqual(refused)
      expect(service.log).toContain('A rebuild that was asked for here was not begun: another one runs.')
      expect(service.log).not.toContain('A rebuild failed')
    } finally {
      await service.end('SIGTERM')
    }
  })

  it('waits for the end of its own, also where its way to the log is lost and found meanwhile', async () => {
    const { ended } = rebuild('meters')
    while ((await other.rebuildBoard.look()).request === null);
    const request = { projections: ['meters'], keep: false }
    await other.rebuildBoard.take(JSON.stringify(stateOf(request)))
    const { connections } = log
    log.dropConnections()
    while (log.connections === connections || log.openReads().length === 0) await new Promise(setImmediate)
    const state = { ...stateOf(request), status: 'completed', rows: 7 }
    await other.rebuildBoard.tell(JSON.stringify(state), false)
    expect(await ended).toMatchObject({ code: 0, stdout: expect.stringMatching(/^meters: 7 rows compared/) as unknown })
  })

  it('does one first that was lost before it was under way', async () => {
    const lost = { projections: ['usage-cells'], keep: false }
    await other.rebuildBoard.ask(JSON.stringify(lost))
    await other.rebuildBoard.take(JSON.stringify(stateOf(lost)))
    await other.close()
    const { code, stdout } = await rebuild('meters').ended
    expect({ code, done: stdout.match(/^[a-z-]+(?=: )/gm) }).toEqual({ code: 0, done: ['usage-cells', 'meters'] })
  })

  it('says what it found, also where somebody still reads what it replaced', async () => {
    await other.close()
    const reader = new pg.Client({ connectionString: readModelUrl })
    await reader.connect()
    try {
      await reader.query('BEGIN; SELECT * FROM meterbook.meters_2')
      const { code, stdout, stderr } = await rebuild('meters').ended
      expect({ code, stdout }).toEqual({ code: 0, stdout: expect.stringMatching(/^meters: /) as unknown })
      expect(stderr).toContain('Replaced tables could not be dropped; that is tried again at the next start.')
    } finally {
      await reader.end()
    }
  })
})
