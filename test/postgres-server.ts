/** A PostgreSQL server of a test's own: a real one, on files of its own, that can be killed and started again. */
import { execFileSync, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { chownSync, existsSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import pg from 'pg'
import { freePort } from './free-port.js'

/** Where Debian keeps what is not on the path. */
const DEBIAN = '/usr/lib/postgresql'
const START_TIMEOUT_MS = 30_000
const LOOK_EVERY_MS = 50

export class PostgresServer {
  private process: ChildProcess | null = null
  private databases = 0

  private constructor(
    private readonly folder: string,
    private readonly port: number,
  ) {}

  static async start(): Promise<PostgresServer> {
    const folder = newFolder()
    const user = serverUser()
    const files = ['--pgdata', join(folder, 'data')]
    execFileSync(
      binary('initdb'),
      [...files, '--username', 'meterbook', '--auth', 'trust', '--encoding', 'UTF8', '--locale', 'C', '--no-sync'],
      { ...user, cwd: folder, stdio: 'pipe' },
    )
    const server = new PostgresServer(folder, await freePort())
    await server.restart()
    return server
  }

  /** Another server, which has what this one has and takes no writes until it is promoted. */
  async standby(): Promise<PostgresServer> {
    const folder = newFolder()
    execFileSync(
      binary('pg_basebackup'),
      [
        '--dbname',
        this.url(),
        '--pgdata',
        join(folder, 'data'),
        '--write-recovery-conf',
        '--checkpoint=fast',
        '--no-sync',
      ],
      { ...serverUser(), cwd: folder, stdio: 'pipe' },
    )
    const standby = new PostgresServer(folder, await freePort())
    await standby.restart()
    return standby
  }

  /** Value of READ_MODEL_URL, of a database without anything in it. */
  async newDatabase(): Promise<string> {
    const name = `metering_${++this.databases}`
    await this.query(`CREATE DATABASE ${name}`)
    return this.url(name)
  }

  url(database = 'postgres'): string {
    return `postgres://meterbook@127.0.0.1:${this.port}/${database}`
  }

  async query<Row extends pg.QueryResultRow>(text: string, database = 'postgres'): Promise<Row[]> {
    const client = new pg.Client({ connectionString: this.url(database) })
    await client.connect()
    try {
      return (await client.query<Row>(text)).rows
    } finally {
      await client.end()
    }
  }

  /** With a certificate of its own for these names, which is its authority's as well: answers its file. Sessions there are stay. */
  async offerTls(name: string, names: string): Promise<string> {
    const [cert, key] = [`${name}.crt`, `${name}.key`]
    execFileSync(
      'openssl',
      ['req', '-x509', '-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:P-256', '-nodes', '-days', '2'].concat([
        '-subj',
        `/CN=${name}`,
        '-addext',
        `subjectAltName=${names}`,
        '-keyout',
        key,
        '-out',
        cert,
      ]),
      { ...serverUser(), cwd: join(this.folder, 'data'), stdio: 'pipe' },
    )
    for (const setting of [`ssl_cert_file = '${cert}'`, `ssl_key_file = '${key}'`, 'ssl = on'])
      await this.query(`ALTER SYSTEM SET ${setting}`)
    await this.query('SELECT pg_reload_conf()')
    return join(this.folder, 'data', cert)
  }

  /** As if the power were cut. */
  kill(): Promise<void> {
    return this.end('SIGKILL')
  }

  /** Starts it where it does not run; resolves when it takes connections. */
  async restart(): Promise<void> {
    const since = performance.now()
    for (;;) {
      // It does not start while processes of one that was killed are still there.
      if (this.process === null || this.process.exitCode !== null) this.process = this.spawn()
      try {
        await this.query('SELECT 1')
        return
      } catch (error) {
        if (performance.now() - since > START_TIMEOUT_MS) throw error
        await new Promise((resolve) => setTimeout(resolve, LOOK_EVERY_MS))
      }
    }
  }

  private async end(signal: 'SIGKILL' | 'SIGQUIT'): Promise<void> {
    const { process } = this
    this.process = null
    if (process?.exitCode !== null) return
    const exited = once(process, 'exit')
    const sessions = signal === 'SIGKILL' ? childrenOf(process) : []
    process.kill(signal)
    // They would go on until they notice that the server is gone, and may answer once more.
    for (const pid of sessions) kill(pid)
    await exited
    while (sessions.some(isRunning)) await new Promise((resolve) => setTimeout(resolve, 1))
  }

  private spawn(): ChildProcess {
    const settings = ['fsync=off', 'unix_socket_directories=', 'listen_addresses=127.0.0.1', `port=${this.port}`]
    return spawn(
      binary('postgres'),
      ['-D', join(this.folder, 'data'), ...settings.flatMap((setting) => ['-c', setting])],
      { ...serverUser(), cwd: this.folder, stdio: 'ignore' },
    )
  }

  /** It is stopped at once: nothing of it is wanted any more. */
  async stop(): Promise<void> {
    await this.end('SIGQUIT')
    rmSync(this.folder, { recursive: true, force: true })
  }
}

function childrenOf({ pid }: ChildProcess): number[] {
  return readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8').split(' ').filter(Boolean).map(Number)
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error
  }
}

/** Of a process that ended its parent may not have been told yet. */
function isRunning(pid: number): boolean {
  try {
    return !readFileSync(`/proc/${pid}/stat`, 'utf8').includes(') Z ')
  } catch {
    return false
  }
}

function newFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'meterbook-postgres-'))
  const user = serverUser()
  if (user) chownSync(folder, user.uid, user.gid)
  return folder
}

function binary(name: string): string {
  const versions = existsSync(DEBIAN) ? readdirSync(DEBIAN).sort((one, other) => Number(other) - Number(one)) : []
  const [newest] = versions.map((version) => join(DEBIAN, version, 'bin', name)).filter((path) => existsSync(path))
  // Where it is nowhere, its absence is told by whoever starts it.
  return newest ?? name
}

/** The server does not run as root. */
function serverUser(): { readonly uid: number; readonly gid: number } | undefined {
  if (process.getuid?.() !== 0) return undefined
  const id = (flag: string): number => Number(execFileSync('id', [flag, 'postgres'], { encoding: 'utf8' }))
  return { uid: id('-u'), gid: id('-g') }
}
