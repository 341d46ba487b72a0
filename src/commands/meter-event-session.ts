/**
 * Tokens for the high-rate stream: good for 15 minutes, for one ledger, and revoked with the key they were made for.
 *
 * A token is written like a restricted key, because the Stripe CLI sends nothing else.
 */
import type { ApiKey } from '../domain/api-keys.js'
import { isLive } from '../domain/ledger.js'
import { MINUTE_MS } from '../domain/time-bucket.js'
import type { ApiKeyRing } from './api-key-ring.js'
import { findTokenKey, makeToken } from './signed-token.js'

export const SESSION_LIFETIME_MS = 15 * MINUTE_MS

const labels = { test: 'rk_test_mes_', live: 'rk_live_mes_' } as const

export interface MeterEventSession {
  readonly token: string
  readonly createdAt: number
  readonly expiresAt: number
}

export function openSession(key: Pick<ApiKey, 'keyId' | 'hash' | 'ledger'>, now: number): MeterEventSession {
  const expiresAt = now + SESSION_LIFETIME_MS
  return { token: makeToken(labels[isLive(key.ledger) ? 'live' : 'test'], key, expiresAt), createdAt: now, expiresAt }
}

/** The key a token was made for; null for text that is no token of an active key. */
export async function findSession(
  ring: ApiKeyRing,
  token: string,
  now: number,
): Promise<{ readonly key: ApiKey; readonly isExpired: boolean } | null> {
  const label = token.startsWith(labels.live) ? labels.live : labels.test
  return findTokenKey(ring, label, token, now)
}
