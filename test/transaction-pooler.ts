/** A pooler before a PostgreSQL server that asks for no password: all clients have one session of it, each for a transaction at a time. */
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'

/** AuthenticationOk and ReadyForQuery, as the server has answered whoever came first. */
const LOGGED_IN = Buffer.from([0x52, 0, 0, 0, 8, 0, 0, 0, 0, 0x5a, 0, 0, 0, 5, 0x49])
/** ReadyForQuery outside a transaction. */
const READY = LOGGED_IN.subarray(-6)
const TERMINATE = 0x58

export class TransactionPooler {
  private readonly waiting: { readonly client: Socket; readonly asked: Buffer }[] = []
  private readonly clients = new Set<Socket>()
  private isLoggedIn = false
  /** Whose transaction it is. */
  private current: Socket | null = null
  /** End of what the server has answered. */
  private tail = Buffer.alloc(0)

  private constructor(
    private readonly server: Server,
    private readonly target: URL,
    private readonly session: Socket,
  ) {
    server.on('connection', (client) => this.serve(client))
    session.on('data', (answer) => this.answer(answer))
  }

  static async start(target: string): Promise<TransactionPooler> {
    const server = createServer().listen(0, '127.0.0.1')
    await once(server, 'listening')
    const url = new URL(target)
    return new TransactionPooler(server, url, connect(Number(url.port), url.hostname))
  }

  get url(): string {
    return this.target.href.replace(this.target.host, `127.0.0.1:${(this.server.address() as AddressInfo).port}`)
  }

  close(): void {
    this.server.close()
    this.session.destroy()
    for (const client of this.clients) client.destroy()
  }

  private serve(client: Socket): void {
    this.clients.add(client)
    client.on('error', () => undefined)
    let isNew = this.isLoggedIn
    this.isLoggedIn = true
    client.on('data', (asked) => {
      if (isNew) client.write(LOGGED_IN)
      else if (asked[0] === TERMINATE) client.end()
      else if (this.current === client) this.session.write(asked)
      else this.waiting.push({ client, asked })
      isNew = false
      this.next()
    })
  }

  private next(): void {
    if (this.current !== null) return
    const next = this.waiting.shift()
    if (!next) return
    this.current = next.client
    this.session.write(next.asked)
  }

  private answer(answer: Buffer): void {
    this.current?.write(answer)
    this.tail = Buffer.concat([this.tail, answer]).subarray(-READY.length)
    if (!this.tail.equals(READY)) return
    this.current = null
    this.next()
  }
}
