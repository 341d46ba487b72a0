/** What services that share a read model say to each other of a rebuild: one row beside the registry of its tables. */
import type { PostgresConnection } from './postgres-connection.js'
import { ReadModelDamaged, ReadModelUnusable, type RebuildBoard, type RebuildNotice } from './read-model.js'

/** Does something with a connection, of any process or of the one that writes. */
type Using = <Result>(use: (connection: PostgresConnection) => Promise<Result>) => Promise<Result>

export class PostgresRebuildBoard implements RebuildBoard {
  constructor(
    private readonly table: string,
    private readonly asAnybody: Using,
    private readonly asWriter: Using,
  ) {}

  ask(request: string): Promise<boolean> {
    // The same one again waits already: the answer to the first may have been lost.
    const waits = `UPDATE ${this.table} SET request = $1, state = NULL
      WHERE (request IS NULL AND NOT running) OR request = $1`
    return this.used(async (connection) => (await connection.run(waits, [request])) === 1)
  }

  async look(): Promise<RebuildNotice> {
    const sql = `SELECT request, state, running AS "isRunning" FROM ${this.table}`
    const [notice] = await this.used((connection) => connection.rows<RebuildNotice>(sql))
    return notice ?? { request: null, state: null, isRunning: false }
  }

  take(state: string): Promise<void> {
    const taken = `UPDATE ${this.table} SET request = NULL, state = $1, running = true`
    return this.asWriter(async (session) => void (await session.run(taken, [state])))
  }

  tell(state: string, isRunning: boolean): Promise<void> {
    return this.asWriter((session) => this.tellIn(session, state, isRunning))
  }

  /** In a transaction that somebody else began. */
  async tellIn(session: PostgresConnection, state: string, isRunning: boolean): Promise<void> {
    const told = `UPDATE ${this.table} SET state = $1, running = $2`
    await session.run(told, [state, isRunning ? 'true' : 'false'])
  }

  /** Nothing is damaged where it is not there yet. */
  private async used<Result>(use: (connection: PostgresConnection) => Promise<Result>): Promise<Result> {
    try {
      return await this.asAnybody(use)
    } catch (error) {
      if (!(error instanceof ReadModelDamaged)) throw error
      throw new ReadModelUnusable(
        'The service that writes the read model is of an earlier version, and has made no place for that. The next one that writes it does.',
        { cause: error },
      )
    }
  }
}
