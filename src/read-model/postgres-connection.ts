/**
 * One session of a PostgreSQL server. Numbers come back as numbers; every wait has an end, and a session that failed in between
 * two answers is of no use any more.
 *
 * A statement may take long, and the way to the server may be gone without a sign while new connections find one. So whoever
 * waits long has the server asked through another connection whether it does anything for this session
 * (docs/decisions/0052-a-silent-session-is-asked-after.md).
 */
import type { Duplex } from 'node:stream'
import { setTimeout as delay } from 'node:timers/promises'
import pg from 'pg'
import { ReadModelUnusable, type KeyValue } from './read-model.js'
import { postgresFailure } from './postgres-failure.js'
import type { PostgresSettings } from './postgres-url.js'

const CONNECT_TIMEOUT_MS = 10_000
/**
 * Of one statement. A read is of a page of rows at most; a rebuild counts all of a table, and drops it. Who asks after another
 * session asks once more soon.
 */
const STATEMENT_TIMEOUT_MS = { reading: 10_000, writing: 60_000, asking: 4_000 } as const
/** How much later it is given up here, should the server not answer at all. */
const NO_ANSWER_MS = 1_000
/** So long after it was asked, and again after each further such time, the server is asked after a session that does not answer. */
const ASK_AFTER_MS = 5_000
/**
 * Whether a session may still answer: it is there, and does something, or has only just done it. One that has long done nothing
 * never got the question, or its answer was lost on the way. Where the server does not tell it is taken to be at work.
 */
const isAtWork = (pid: number): string => `SELECT EXISTS (SELECT FROM pg_stat_activity WHERE pid = ${pid}
  AND (state LIKE 'idle%' AND state_change < clock_timestamp() - ${ASK_AFTER_MS} * interval '1 millisecond') IS NOT TRUE
) AS "isAtWork"`
/**
 * After so long without a sign the server asks whether the machine of a session is still there, and again at intervals; then
 * its lock is free for another one. The system's own patience is hours.
 */
const KEEPALIVE_IDLE_S = 10
const KEEPALIVE_INTERVAL_S = 5
const KEEPALIVE_COUNT = 3
const UNSENT_TIMEOUT_MS = (KEEPALIVE_IDLE_S + KEEPALIVE_COUNT * KEEPALIVE_INTERVAL_S) * 1_000
/** A transaction may stand still while this process does, and must not be ended behind its back. Not every version has all. */
const IDLE_TIMEOUTS = ['idle_session_timeout', 'idle_in_transaction_session_timeout', 'transaction_timeout']
/** Others may hold a table for as long as a statement of theirs takes. */
const LOCK_TIMEOUT_MS = 10_000
const END_TIMEOUT_MS = 1_000
/** The first one that can print a decimal without the zeros at its end. */
const SERVER_VERSION_MIN = 130_000

const INT8 = 20

/** One after the other, so that many who wait for a server that is slow do not take up all the connections it grants. */
let askedAfter: Promise<unknown> = Promise.resolve()

/** Lists of one column each, to be unnested. */
export type Parameter = KeyValue | readonly KeyValue[]

export class PostgresConnection {
  private isEnded = false
  private isForgotten = false
  /** What the user that logged in has become; `none`: nobody else. */
  private role = 'none'
  /** The session's number in the server; null: nobody asks after it. */
  private pid: number | null = null
  private askedCount = 0
  private answeredLast = 0
  /** A session takes one question at a time. */
  private answered: Promise<unknown> = Promise.resolve()

  private constructor(
    private readonly client: pg.Client,
    private readonly settings: PostgresSettings,
  ) {
    const lost = (): void => void (this.isEnded = true)
    client.on('error', lost)
    client.on('end', lost)
  }

  /** @throws ReadModelUnavailable, ReadModelUnusable */
  static async open(settings: PostgresSettings, use: keyof typeof STATEMENT_TIMEOUT_MS): Promise<PostgresConnection> {
    const statementTimeoutMs = STATEMENT_TIMEOUT_MS[use]
    let connection: PostgresConnection | null = null
    try {
      const client = new pg.Client({
        connectionString: settings.connectionString,
        application_name: 'meterbook',
        query_timeout: statementTimeoutMs + NO_ANSWER_MS,
        keepAlive: true,
        keepAliveInitialDelayMillis: KEEPALIVE_IDLE_S * 1000,
        types: { getTypeParser: (oid: number) => parserOf(oid) },
      })
      connection = new PostgresConnection(client, settings)
      const pid = await connection.begun(statementTimeoutMs)
      if (use !== 'asking') connection.pid = pid
      return connection
    } catch (error) {
      await connection?.close()
      throw postgresFailure(settings, error)
    }
  }

  /** Whether its session is over. What it had locked is free, and what it had not committed is undone. */
  get isLost(): boolean {
    return this.isEnded
  }

  /** Whether it is over because the server did nothing for it any more: what was asked last was never answered. */
  get isAbandoned(): boolean {
    return this.isForgotten
  }

  /** The session's in the server; null: not known. */
  get number(): number | null {
    return this.pid
  }

  /** Questions it was asked, answered or not. */
  get asked(): number {
    return this.askedCount
  }

  /** Whether a question was answered that was asked after so many. */
  hasAnsweredSince(asked: number): boolean {
    return this.answeredLast > asked
  }

  async rows<Row>(text: string, parameters: readonly Parameter[] = []): Promise<Row[]> {
    return (await this.ask(text, parameters)).rows as Row[]
  }

  /** Each row as its values in the order of the columns. */
  async values(text: string, parameters: readonly Parameter[] = []): Promise<KeyValue[][]> {
    return (await this.ask(text, parameters, 'array')).rows as KeyValue[][]
  }

  /** How many rows were written. */
  async run(text: string, parameters: readonly Parameter[] = []): Promise<number> {
    return (await this.ask(text, parameters)).rowCount ?? 0
  }

  /** Several statements without parameters at once; answers the rows of the last one that has any. */
  async runAll<Row>(statements: readonly string[]): Promise<Row[]> {
    const answers = (await this.ask(statements.join('; '), [])) as unknown as pg.QueryResult | pg.QueryResult[]
    const last = [answers].flat().findLast(({ rows }) => rows.length > 0)
    return (last?.rows ?? []) as Row[]
  }

  /**
   * One statement as the user that logged in, whose all sessions are: what it has become (`ALTER ROLE … SET role`) may neither see
   * what they do nor end them. And that user may have no right to the tables. In a transaction, if there is one.
   */
  async rowsAsLogin<Row>(statement: string): Promise<Row[]> {
    if (this.role === 'none') return this.rows<Row>(statement)
    // Without a transaction all three are one.
    const back = `SET LOCAL ROLE "${this.role.replaceAll('"', '""')}"`
    return this.runAll<Row>(['SET LOCAL ROLE NONE', statement, back])
  }

  /** Does not wait for a server that is silent. */
  async close(): Promise<void> {
    this.isEnded = true
    const ended = this.client.end().catch(() => undefined)
    const timeout = new Promise<void>((resolve) => setTimeout(resolve, END_TIMEOUT_MS).unref())
    await Promise.race([ended, timeout])
    // Of a server that is silent it would keep the process from ending.
    streamOf(this.client).destroy()
  }

  /** Answers the session's number. A pooler that has no room may take a client all the same, and leave what it asks waiting. */
  private async begun(statementTimeoutMs: number): Promise<number> {
    const waiting = new AbortController()
    const late = async (): Promise<never> => {
      await delay(CONNECT_TIMEOUT_MS, undefined, { signal: waiting.signal, ref: false })
      const room = 'where it is reached through a pooler, that may have no room for one'
      throw new Error(`a new connection was not answered for ${CONNECT_TIMEOUT_MS / 1_000} s; ${room}`)
    }
    const setUp = async (): Promise<number> => {
      await this.client.connect()
      return this.setUp(statementTimeoutMs)
    }
    try {
      return await Promise.race([setUp(), late()])
    } finally {
      waiting.abort()
    }
  }

  /** Answers the session's number. */
  private async setUp(statementTimeoutMs: number): Promise<number> {
    const [server] = await this.runAll<{ version: number; encoding: string; role: string; pid: number }>([
      `SET statement_timeout = ${statementTimeoutMs}`,
      // A pooler gives its clients numbers of its own.
      "SELECT current_setting('server_version_num')::bigint AS version, current_setting('server_encoding') AS encoding, current_setting('role') AS role, pg_backend_pid() AS pid",
    ])
    const { place } = this.settings
    if (!server) throw new ReadModelUnusable(`The ${place} does not say what it is.`)
    // Earlier ones do not know all that is set.
    if (server.version < SERVER_VERSION_MIN) throw new ReadModelUnusable(`The ${place} needs PostgreSQL 13 or newer.`)
    if (server.encoding !== 'UTF8') {
      throw new ReadModelUnusable(
        `The ${place} has the encoding ${server.encoding}, which cannot hold every text. Create the database with ENCODING 'UTF8'.`,
      )
    }
    this.role = server.role
    await this.runAll([
      `SET lock_timeout = ${LOCK_TIMEOUT_MS}`,
      `SET tcp_keepalives_idle = ${KEEPALIVE_IDLE_S}`,
      `SET tcp_keepalives_interval = ${KEEPALIVE_INTERVAL_S}`,
      `SET tcp_keepalives_count = ${KEEPALIVE_COUNT}`,
      `SET tcp_user_timeout = ${UNSENT_TIMEOUT_MS}`,
      `SELECT set_config(name, '0', false) FROM pg_settings WHERE name IN ('${IDLE_TIMEOUTS.join("', '")}')`,
      // What was answered from rows must not go away in a crash. Stronger settings stay.
      "SELECT set_config(name, 'on', false) FROM pg_settings WHERE name = 'synchronous_commit' AND setting = 'off'",
      'SET array_nulls = on',
      // Transactions that only read say so.
      'SET default_transaction_read_only = off',
      // Compiling a question takes longer than any of these takes to answer.
      'SET jit = off',
      // Rows are asked for in the order of an index. To take them from another one and sort them is for ranges that hold little,
      // and how much one holds the server does not know.
      "SELECT set_config(name, 'off', false) FROM pg_settings WHERE name IN ('enable_sort', 'enable_incremental_sort', 'enable_bitmapscan')",
      // What is kept is found by the same names whatever the database is set to.
      'SET search_path = pg_catalog',
      // Types are told by their names.
      'SET quote_all_identifiers = off',
    ])
    return server.pid
  }

  private ask(text: string, parameters: readonly Parameter[], rowMode?: 'array'): Promise<pg.QueryResult> {
    // Without parameters it may be several statements.
    const values = parameters.length === 0 ? {} : { values: [...parameters] }
    const query = { text, ...values, ...(rowMode && { rowMode }) }
    const number = ++this.askedCount
    const answer = this.answered.then(() => this.answerTo(query, number))
    this.answered = answer.catch(() => undefined)
    return answer
  }

  private async answerTo(query: pg.QueryConfig | pg.QueryArrayConfig, number: number): Promise<pg.QueryResult> {
    const waiting = new AbortController()
    try {
      if (this.isEnded) throw new Error('the connection was lost')
      const answer = await Promise.race([this.client.query(query), this.abandoned(waiting.signal)])
      this.answeredLast = number
      return answer
    } catch (error) {
      // An answer that did not come may still come, and would be taken for that of the next question. FATAL is the last one.
      if (!(error instanceof pg.DatabaseError) || error.severity !== 'ERROR') await this.close()
      throw postgresFailure(this.settings, error)
    } finally {
      waiting.abort()
    }
  }

  /** Rejects once the server does nothing for this session any more; and when nobody waits for it. */
  private async abandoned(waiting: AbortSignal): Promise<never> {
    for (;;) {
      await delay(ASK_AFTER_MS, undefined, { signal: waiting, ref: false })
      const asked = askedAfter.then(() => waiting.aborted || this.isAtWork())
      askedAfter = asked
      if (await asked) continue
      this.isForgotten = true
      throw new Error('the session was lost, and the server does nothing for it any more')
    }
  }

  /** Also where nobody can say: whoever waits does so as long as it may take. */
  private async isAtWork(): Promise<boolean> {
    if (this.pid === null) return true
    let other: PostgresConnection | null = null
    try {
      other = await PostgresConnection.open(this.settings, 'asking')
      const [session] = await other.rowsAsLogin<{ isAtWork: boolean }>(isAtWork(this.pid))
      return session?.isAtWork !== false
    } catch {
      return true
    } finally {
      await other?.close()
    }
  }
}

function streamOf(client: pg.Client): Duplex {
  return (client as unknown as { readonly connection: { readonly stream: Duplex } }).connection.stream
}

/** Whole numbers of the read model are exact as numbers. */
function parserOf(oid: number): (text: string) => unknown {
  return oid === INT8 ? Number : (pg.types.getTypeParser(oid) as (text: string) => unknown)
}
