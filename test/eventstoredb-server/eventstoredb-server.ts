/**
 * A server that speaks EventStoreDB's wire protocol to the real client, on an in-memory log, and that fails on demand.
 * It proves how a client's user handles the protocol; never durability, quorum, elections or speed.
 *
 * Clients connect through a plain TCP front, so a lost connection or a refused port is a real one, and the log
 * survives `stop()` and `start()` on the same port.
 */
import { randomUUID } from 'node:crypto'
import { createConnection, createServer, type AddressInfo, type Server as TcpServer, type Socket } from 'node:net'
import { Server, ServerCredentials, status, type ServerUnaryCall, type sendUnaryData } from '@grpc/grpc-js'
import featureMessages from '@eventstore/db-client/generated/serverfeatures_pb.js'
import featureService from '@eventstore/db-client/generated/serverfeatures_grpc_pb.js'
import gossipMessages from '@eventstore/db-client/generated/gossip_pb.js'
import gossipService from '@eventstore/db-client/generated/gossip_grpc_pb.js'
import messages from '@eventstore/db-client/generated/streams_pb.js'
import streamsService from '@eventstore/db-client/generated/streams_grpc_pb.js'
import type { DeleteReq, DeleteResp, TombstoneReq, TombstoneResp } from '@eventstore/db-client/generated/streams_pb.js'
import type { ServerState } from './appending.js'
import { batchAppend } from './batch-append.js'
import { EventLog } from './event-log.js'
import { Faults, type ReceivedAppend } from './faults.js'
import { failure, nameOf, uuidOf } from './messages.js'
import { empty, read, type ReadCall } from './read.js'
import { unaryAppend } from './unary-append.js'

const HOST = '127.0.0.1'
/** As the real server: 16 MiB less 10 kB. */
const MESSAGE_BYTES_MAX = 16 * 1024 * 1024 - 10_240
const LEADER = 8
const DEFAULT_APPEND_BYTES_MAX = 1024 * 1024

export interface ServerOptions {
  readonly port?: number
  /** Share one to be another node of the same cluster. */
  readonly log?: EventLog
  readonly appendBytesMax?: number
  /** False for a server before 21.10, which makes the client use the unary path. */
  readonly supportsBatchAppend?: boolean
}

/** One call a client made, as tests ask about it. */
export interface CallRecord {
  readonly method: 'read' | 'append' | 'batch-append'
  /** What a read reads: a stream's name, `$all` or `$all subscription`. */
  readonly target: string
  state: 'open' | 'ended' | 'cancelled'
}

interface TrackedCall {
  on(event: 'cancelled' | 'finish', listener: () => void): unknown
}

/**
 * No two servers of a process have one port: all clients of a process share connections by address, and one to a server that is
 * gone may be handed out before its end was noticed.
 */
const portsUsed = new Set<number>()

const portOf = (front: TcpServer): number => (front.address() as AddressInfo).port

export class EventStoreDbServer implements ServerState {
  readonly log: EventLog
  readonly faults = new Faults()
  readonly appendBytesMax: number
  /** Every append executed, in order. */
  readonly received: ReceivedAppend[] = []
  readonly calls: CallRecord[] = []
  eventsSent = 0
  /** Connections accepted since the beginning. */
  connections = 0
  port: number
  private readonly supportsBatchAppend: boolean
  private grpc: Server | undefined
  private front: TcpServer | undefined
  private readonly sockets = new Set<Socket>()
  private outside = 0

  private constructor(options: ServerOptions) {
    this.log = options.log ?? new EventLog()
    this.appendBytesMax = options.appendBytesMax ?? DEFAULT_APPEND_BYTES_MAX
    this.supportsBatchAppend = options.supportsBatchAppend ?? true
    this.port = options.port ?? 0
  }

  static async start(options: ServerOptions = {}): Promise<EventStoreDbServer> {
    const server = new EventStoreDbServer(options)
    await server.start()
    return server
  }

  get url(): string {
    return `esdb://${HOST}:${this.port}?tls=false`
  }

  /** The same node found through gossip: the client discovers when it is given several seeds. */
  get discoveryUrl(): string {
    return `esdb://${HOST}:${this.port},${HOST}:${this.port}?tls=false&discoveryInterval=10&maxDiscoverAttempts=2`
  }

  get endpoint(): { host: string; port: number } {
    return { host: HOST, port: this.port }
  }

  /** On the port it had before, if it had one. */
  async start(): Promise<void> {
    if (this.front) return
    const grpc = new Server({ 'grpc.max_receive_message_length': MESSAGE_BYTES_MAX })
    this.serve(grpc)
    const inner = await new Promise<number>((resolve, reject) => {
      grpc.bindAsync(`${HOST}:0`, ServerCredentials.createInsecure(), (error, port) =>
        error ? reject(error) : resolve(port),
      )
    })
    this.grpc = grpc
    do {
      this.front?.close()
      const front = createServer((socket) => this.forward(socket, inner))
      await new Promise<void>((resolve, reject) => {
        front.once('error', reject)
        front.listen(this.port, HOST, resolve)
      })
      this.front = front
    } while (this.port === 0 && portsUsed.has(portOf(this.front)))
    this.port = portOf(this.front)
    portsUsed.add(this.port)
  }

  /** Dies: connections are lost, further ones refused, appends that were only queued are gone. The log stays. */
  async stop(): Promise<void> {
    const { front, grpc } = this
    this.front = undefined
    this.grpc = undefined
    this.faults.forgetHeld()
    const closed = front && new Promise<void>((resolve) => front.close(() => resolve()))
    this.dropConnections()
    grpc?.forceShutdown()
    await closed
  }

  dropConnections(): void {
    for (const socket of this.sockets) socket.destroy()
  }

  get openConnections(): number {
    return this.outside
  }

  openReads(target?: string): CallRecord[] {
    return this.calls.filter(
      (call) => call.method === 'read' && call.state === 'open' && (target === undefined || call.target === target),
    )
  }

  private forward(outside: Socket, innerPort: number): void {
    this.connections++
    this.outside++
    outside.once('close', () => this.outside--)
    const inside = createConnection({ port: innerPort, host: HOST })
    for (const [socket, other] of [
      [outside, inside],
      [inside, outside],
    ] as const) {
      this.sockets.add(socket)
      socket.setNoDelay(true)
      socket.on('error', () => undefined)
      socket.on('close', () => {
        this.sockets.delete(socket)
        other.destroy()
      })
      socket.pipe(other)
    }
  }

  private track(record: Omit<CallRecord, 'state'>, call: TrackedCall): void {
    const tracked: CallRecord = { ...record, state: 'open' }
    this.calls.push(tracked)
    call.on('finish', () => {
      if (tracked.state === 'open') tracked.state = 'ended'
    })
    call.on('cancelled', () => {
      if (tracked.state === 'open') tracked.state = 'cancelled'
    })
  }

  private serve(grpc: Server): void {
    grpc.addService(streamsService.StreamsService, {
      read: (call: ReadCall) => {
        const options = call.request.getOptions()
        const target = options?.hasAll()
          ? options.hasSubscription()
            ? '$all subscription'
            : '$all'
          : nameOf(options?.getStream()?.getStreamIdentifier())
        this.track({ method: 'read', target }, call)
        read(this, call)
      },
      append: (call: Parameters<typeof unaryAppend>[1], callback: Parameters<typeof unaryAppend>[2]) => {
        this.track({ method: 'append', target: '' }, call)
        unaryAppend(this, call, callback)
      },
      batchAppend: (call: Parameters<typeof batchAppend>[1]) => {
        this.track({ method: 'batch-append', target: '' }, call)
        batchAppend(this, call)
      },
      delete: (call: ServerUnaryCall<DeleteReq, DeleteResp>, callback: sendUnaryData<DeleteResp>) => {
        this.log.softDelete(nameOf(call.request.getOptions()?.getStreamIdentifier()))
        callback(null, new messages.DeleteResp().setNoPosition(empty()))
      },
      tombstone: (call: ServerUnaryCall<TombstoneReq, TombstoneResp>, callback: sendUnaryData<TombstoneResp>) => {
        this.log.tombstone(nameOf(call.request.getOptions()?.getStreamIdentifier()))
        callback(null, new messages.TombstoneResp().setNoPosition(empty()))
      },
    })
    grpc.addService(featureService.ServerFeaturesService, {
      getSupportedMethods: (_call: unknown, callback: sendUnaryData<unknown>) => {
        if (this.faults.capabilityFailures > 0) {
          this.faults.capabilityFailures--
          return callback(failure(status.INTERNAL, 'No capabilities just now'))
        }
        callback(null, this.supportedMethods())
      },
    })
    grpc.addService(gossipService.GossipService, {
      read: (_call: unknown, callback: sendUnaryData<unknown>) => {
        if (this.faults.discoveryFailures > 0) {
          this.faults.discoveryFailures--
          return callback(failure(status.UNAVAILABLE, 'No gossip just now'))
        }
        const member = new gossipMessages.MemberInfo()
          .setInstanceId(uuidOf(randomUUID()))
          .setTimeStamp(`${Date.now()}`)
          .setState(LEADER)
          .setIsAlive(true)
          .setHttpEndPoint(new gossipMessages.EndPoint().setAddress(HOST).setPort(this.port))
        callback(null, new gossipMessages.ClusterInfo().setMembersList([member]))
      },
    })
  }

  private supportedMethods(): InstanceType<typeof featureMessages.SupportedMethods> {
    const methods: [name: string, features: string[]][] = [
      ['read', ['position', 'events']],
      ['append', []],
      ['delete', []],
      ['tombstone', []],
    ]
    if (this.supportsBatchAppend) methods.push(['batchappend', ['deadline_duration']])
    return new featureMessages.SupportedMethods()
      .setEventStoreServerVersion(this.faults.withoutCaughtUp ? '22.10.0' : '24.2.0')
      .setMethodsList(
        methods.map(([name, features]) =>
          new featureMessages.SupportedMethod()
            .setServiceName('event_store.client.streams.streams')
            .setMethodName(name)
            .setFeaturesList(features),
        ),
      )
  }
}
