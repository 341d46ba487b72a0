/** `meterbook rebuild` beside whoever else writes a read model in PostgreSQL. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { stateOf } from '../../src/projections/shared-rebuild.js'
import { PostgresReadModel } from '../../src/read-model/postgres-read-model.js'
import { EventStoreDbServer } from '../eventstoredb-server/eventstoredb-server.js'
import { PostgresServer } from '../postgres-server.js'
import { start, type Running } from './command-line.js'

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

  it('fails where one runs already, and says nothing of that one', async () => {
    const running = { projections: ['usage-cells'], keep: false }
    await other.rebuildBoard.ask(JSON.stringify(running))
    await other.rebuildBoard.take(JSON.stringify(stateOf(running)))
    const { code, stdout, stderr } = await rebuild('meters').ended
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' })
    expect(stderr).toContain('The rebuild of meters failed; the old rows serve. Another rebuild runs or was asked for already.') // prettier-ignore
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
