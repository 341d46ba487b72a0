/**
 * Tokens for the high-rate stream: good for 15 minutes, for one ledger, and revoked with the key they were made for.
 *
 * A token is written like a restricted key, because the Stripe CLI sends nothing else.
 */
import type { ApiKey } from '../domain/api-keys.js'
import { isLive } from '../domain/ledger.js'
import { MINUTE_MS } from '../domain/time-bucket.js'
import type { SignedTokens, TokenFate, TokenKind } from './signed-token.js'

export const SESSION_LIFETIME_MS = 15 * MINUTE_MS

const kinds = {
  test: { label: 'rk_test_mes_', lifetimeMs: SESSION_LIFETIME_MS },
  live: { label: 'rk_live_mes_', lifetimeMs: SESSION_LIFETIME_MS },
} satisfies Record<string, TokenKind>

export interface MeterEventSession {
  readonly token: string
  readonly createdAt: number
  readonly expiresAt: number
}

export function openSession(
  tokens: SignedTokens,
  key: Pick<ApiKey, 'keyId' | 'hash' | 'ledger'>,
  now: number,
): MeterEventSession {
  const token = tokens.make(isLive(key.ledger) ? kinds.live : kinds.test, key, now)
  return { token, createdAt: now, expiresAt: now + SESSION_LIFETIME_MS }
}

export async function findSession(tokens: SignedTokens, token: string, now: number): Promise<TokenFate> {
  return tokens.find(token.startsWith(kinds.live.label) ? kinds.live : kinds.test, token, now)
}
