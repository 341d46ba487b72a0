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
  private readonly passages = new Set<Passage>()

  private constructor(
    private readonly server: Server,
    /** A URL that names the server itself. */
    private readonly target: URL,
  ) {
    server.on('connection', (client) => this.pass(client))
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

  get openConnections(): number {
    return this.passages.size
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
    for (const { client, upstream } of this.passages) {
      client.destroy()
      upstream.destroy()
    }
  }

  private pass(client: Socket): void {
    this.connections++
    const upstream = connect(Number(this.target.port), this.target.hostname)
    const passage: Passage = { client, upstream, isForgotten: false }
    this.passages.add(passage)
    client.on('data', (data) => void (this.isSilent || passage.isForgotten || upstream.write(data)))
    upstream.on('data', (data) => void (this.isSilent || client.write(data)))
    client.on('error', () => undefined)
    upstream.on('error', () => undefined)
    client.on('end', () => void client.end())
    client.on('close', () => {
      this.passages.delete(passage)
      upstream.destroy()
    })
    upstream.on('close', () => {
      if (!passage.isForgotten) client.destroy()
    })
  }
}
