/** Every live connection of the process, so many at most. They end at once when it stops, so that none holds the stop up. */
import { Injectable, type OnModuleDestroy } from '@nestjs/common'
import { LedgerChanges } from '../queries/ledger-changes.js'
import { Overloaded } from '../overloaded.js'
import type { Caller } from './caller.js'
import { LiveConnection } from './live-connection.js'
import { ApiError } from './stripe/api-error.js'

export const LIVE_PATH = '/meterbook/v1/live'

export const LIVE_CONNECTIONS_MAX = 1_000
/** A key serves everyone who signed in with it. */
export const LIVE_CONNECTIONS_PER_KEY_MAX = 100

@Injectable()
export class LiveConnections implements OnModuleDestroy {
  /** With the id of its key. */
  private readonly open = new Map<LiveConnection, string>()
  private isStopping = false

  constructor(private readonly changes: LedgerChanges) {}

  /** @throws Overloaded, ApiError 503 while the service stops. */
  connect({ ledger, keyId }: Caller, mayGoOn: () => Promise<boolean>): LiveConnection {
    if (this.isStopping) {
      throw new ApiError({ status: 503, type: 'api_error', message: 'The service is stopping. Please try again.' })
    }
    if (this.open.size >= LIVE_CONNECTIONS_MAX) throw new Overloaded('Too many live connections are open.')
    if (this.ofKey(keyId) >= LIVE_CONNECTIONS_PER_KEY_MAX) {
      throw new Overloaded(`This API key has ${LIVE_CONNECTIONS_PER_KEY_MAX} live connections open. Close one first.`)
    }
    const connection = new LiveConnection({ position: () => this.changes.position, mayGoOn })
    this.open.set(connection, keyId)
    const stopListening = this.changes.listen(ledger, connection)
    connection.body.on('close', () => {
      stopListening()
      this.open.delete(connection)
    })
    return connection
  }

  get count(): number {
    return this.open.size
  }

  onModuleDestroy(): void {
    this.isStopping = true
    for (const connection of this.open.keys()) connection.end()
  }

  private ofKey(keyId: string): number {
    let count = 0
    for (const each of this.open.values()) if (each === keyId) count++
    return count
  }
}
