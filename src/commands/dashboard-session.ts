/**
 * What signing in to the dashboard gives the browser to keep: a token good for 12 hours that ends with its key, and is
 * never the key itself.
 */
import type { ApiKey } from '../domain/api-keys.js'
import { HOUR_MS } from '../domain/time-bucket.js'
import type { SignedTokens, TokenKind } from './signed-token.js'

export const DASHBOARD_SESSION_LIFETIME_MS = 12 * HOUR_MS

const kind: TokenKind = { label: 'dashboard_', lifetimeMs: DASHBOARD_SESSION_LIFETIME_MS }

export function openDashboardSession(tokens: SignedTokens, key: Pick<ApiKey, 'keyId' | 'hash'>, now: number): string {
  return tokens.make(kind, key, now)
}

/** The key someone signed in with; null once the session is over, its key revoked, or the text is no such token. */
export async function findDashboardSession(tokens: SignedTokens, token: string, now: number): Promise<ApiKey | null> {
  const session = await tokens.find(kind, token, now)
  return session.status === 'good' ? session.key : null
}
