/**
 * What signing in to the dashboard gives the browser to keep: a token good for 12 hours that ends with its key, and is
 * never the key itself.
 */
import type { ApiKey } from '../domain/api-keys.js'
import { HOUR_MS } from '../domain/time-bucket.js'
import type { ApiKeyRing } from './api-key-ring.js'
import { findTokenKey, makeToken } from './signed-token.js'

export const DASHBOARD_SESSION_LIFETIME_MS = 12 * HOUR_MS

const LABEL = 'dashboard_'

export function openDashboardSession(key: Pick<ApiKey, 'keyId' | 'hash'>, now: number): string {
  return makeToken(LABEL, key, now + DASHBOARD_SESSION_LIFETIME_MS)
}

/** The key someone signed in with; null once the session is over, its key revoked, or the text is no such token. */
export async function findDashboardSession(ring: ApiKeyRing, token: string, now: number): Promise<ApiKey | null> {
  const session = await findTokenKey(ring, LABEL, token, now)
  return session === null || session.isExpired ? null : session.key
}
