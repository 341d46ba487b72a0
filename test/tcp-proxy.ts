/** A way to a server that may be gone without a sign: whoever holds a connection is told nothing, and what is sent is taken. */
import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Server, type Socket } from 'node:net'

interface Passage {
  readonly client: Socket
  readonly upstream: Socket
  isForgotten: boolean
}

export class TcpProxy {
  /** Nothing passes, on connections there are and on those that come. */
  isSilent = false
  /** Connections there have been. */
  connections = 0
  /** Those that were closed by who opened them, still waiting to reach the server. */
  givenUp = 0
  private passingMost = Number.POSITIVE_INFINITY
  /** Those that wait, in the order they came: each goes on when it is called. */
  private readonly waiting = new Set<() => void>()
  /** What servers have answered that nobody was given yet; null: whoever asked is given it at once. */
  private held: (() => void)[] | null = null
  private onHeld: () => void = () => undefined
  private readonly passages = new Set<Passage>()

  private constructor(
    private readonly server: Server,
    /** A URL that names the server itself. */
    private readonly target: URL,
  ) {
    server.on('connection', (client) => this.take(client))
  }

  static async start(target: string): Promise<TcpProxy> {
    const server = createServer({ allowHalfOpen: true }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    return new TcpProxy(server, new URL(target))
  }

  /** The server's URL by way of the proxy. */
  get url(): string {
    return this.target.href.replace(this.target.host, `127.0.0.1:${(this.server.address() as AddressInfo).port}`)
  }

  /** So many reach the server at a time, as through a pooler; others are taken, and wait for one of them to end. */
  get passingMax(): number {
    return this.passingMost
  }

  set passingMax(most: number) {
    this.passingMost = most
    this.passNext()
  }

  get openConnections(): number {
    return this.passages.size
  }

  /** Those that wait to reach the server. */
  get waitingConnections(): number {
    return this.waiting.size
  }

  /** Answers are kept from whoever asked, until they are given. Resolves with the first of them. */
  hold(): Promise<void> {
    this.held = []
    return new Promise((resolve) => (this.onHeld = resolve))
  }

  give(): void {
    for (const answer of this.held ?? []) answer()
    this.held = null
  }

  /** The server is gone for all who hold a connection, and nobody tells them; further connections are good. */
  forget(): void {
    for (const passage of this.passages) {
      passage.isForgotten = true
      passage.upstream.destroy()
    }
  }

  /** Tells all who hold a connection that it is no more. */
  reset(): void {
    for (const { client, upstream } of this.passages) {
      client.resetAndDestroy()
      upstream.destroy()
    }
  }

  close(): void {
    this.server.close()
    this.passingMax = Number.POSITIVE_INFINITY
    for (const { client, upstream } of this.passages) {
      client.destroy()
      upstream.destroy()
    }
  }

  private take(client: Socket): void {
    this.connections++
    client.on('error', () => undefined)
    client.on('end', () => void client.end())
    if (this.passages.size < this.passingMax) return this.pass(client)
    const sent: Buffer[] = []
    client.on('data', (data) => void sent.push(data))
    const pass = (): void => {
      client.removeAllListeners('data')
      this.pass(client, sent)
    }
    this.waiting.add(pass)
    client.on('close', () => {
      if (this.waiting.delete(pass)) this.givenUp++
    })
  }

  private passNext(): void {
    for (const next of this.waiting) {
      if (this.passages.size >= this.passingMost) return
      this.waiting.delete(next)
      next()
    }
  }

  private pass(client: Socket, sent: readonly Buffer[] = []): void {
    const upstream = connect(Number(this.target.port), this.target.hostname)
    const passage: Passage = { client, upstream, isForgotten: false }
    this.passages.add(passage)
    for (const data of sent) upstream.write(data)
    client.on('data', (data) => void (this.isSilent || passage.isForgotten || upstream.write(data)))
    upstream.on('data', (data) => {
      if (this.isSilent) return
      if (this.held === null) return void client.write(data)
      this.held.push(() => void client.write(data))
      this.onHeld()
    })
    upstream.on('error', () => undefined)
    client.on('close', () => {
      this.passages.delete(passage)
      upstream.destroy()
      this.passNext()
    })
    upstream.on('close', () => {
      if (!passage.isForgotten) client.destroy()
    })
  }
}
