/**
 * All API keys of an installation. Only a hash of a key is ever in an event; the key itself is shown once, when issued.
 */
import { DomainError } from './errors.js'
import type { LedgerName } from './ledger.js'

/** `secret` may do everything; `ingest` reports and cancels usage; `read` only reads. */
export const keyRoles = ['secret', 'ingest', 'read'] as const
export type KeyRole = (typeof keyRoles)[number]

export interface ApiKey {
  readonly keyId: string
  /** SHA-256 of the key, hexadecimal. */
  readonly hash: string
  /** The key's last four characters, to recognise it by. */
  readonly lastFour: string
  readonly ledger: LedgerName
  readonly role: KeyRole
  readonly name: string
  readonly issuedAt: number
}

export interface State {
  /** By key id, in order of issue, revoked ones included. */
  readonly keys: ReadonlyMap<string, ApiKey & { readonly revokedAt: number | null }>
}

export type Command =
  | { readonly type: 'IssueApiKey'; readonly key: ApiKey }
  | { readonly type: 'RevokeApiKey'; readonly keyId: string; readonly at: number }

export type Event =
  | { readonly type: 'ApiKeyIssued'; readonly data: ApiKey }
  | { readonly type: 'ApiKeyRevoked'; readonly data: { readonly keyId: string; readonly at: number } }

export const KEY_NAME_LENGTH_MAX = 100

export const initial: State = { keys: new Map() }

export function decide(state: State, command: Command): Event[] {
  switch (command.type) {
    case 'IssueApiKey': {
      const { key } = command
      for (const known of state.keys.values()) {
        if (known.hash !== key.hash) continue
        if (known.revokedAt === null && known.ledger === key.ledger && known.role === key.role) return []
        throw new DomainError(
          'parameter_invalid',
          `This key was issued before (${known.keyId}). Choose another one.`,
          'key',
        )
      }
      return [{ type: 'ApiKeyIssued', data: key }]
    }
    case 'RevokeApiKey': {
      const { keyId, at } = command
      const key = state.keys.get(keyId)
      if (!key) throw new DomainError('resource_missing', `No such API key: '${keyId}'.`, 'id')
      return key.revokedAt === null ? [{ type: 'ApiKeyRevoked', data: { keyId, at } }] : []
    }
  }
}

export function evolve(state: State, event: Event): State {
  return fold(state, [event])
}

/** Copies the map once for a whole history. */
export function fold(state: State, events: Iterable<Event>): State {
  const keys = new Map(state.keys)
  for (const event of events) {
    switch (event.type) {
      case 'ApiKeyIssued':
        keys.set(event.data.keyId, { ...event.data, revokedAt: null })
        break
      case 'ApiKeyRevoked': {
        const key = keys.get(event.data.keyId)
        if (key) keys.set(event.data.keyId, { ...key, revokedAt: event.data.at })
        break
      }
    }
  }
  return { keys }
}
