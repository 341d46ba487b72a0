/**
 * Tokens for the high-rate stream: good for 15 minutes, for one ledger, and revoked with the key they were made for.
 *
 * A token names its key and its end, signed with the key's stored hash. Every process that knows the keys can verify it, so
 * sessions need no memory and survive restarts. It is written like a restricted key, because the Stripe CLI sends nothing
 * else.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import type { ApiKey } from '../domain/api-keys.js'
import { isLive } from '../domain/ledger.js'
import { MINUTE_MS } from '../domain/time-bucket.js'
import type { ApiKeyRing } from './api-key-ring.js'

export const SESSION_LIFETIME_MS = 15 * MINUTE_MS

/** `rk_<mode>_mes_<key id>.<end, base 36>.<signature>`; keys themselves have no dot. */
const TOKEN = /^(rk_(?:test|live)_mes_(key_[A-Za-z0-9]{1,64})\.([0-9a-z]{1,11}))\.([A-Za-z0-9_-]{43})$/

export interface MeterEventSession {
  readonly token: string
  readonly createdAt: number
  readonly expiresAt: number
}

export function openSession(key: Pick<ApiKey, 'keyId' | 'hash' | 'ledger'>, now: number): MeterEventSession {
  const expiresAt = now + SESSION_LIFETIME_MS
  const mode = isLive(key.ledger) ? 'live' : 'test'
  const claim = `rk_${mode}_mes_${key.keyId}.${expiresAt.toString(36)}`
  return { token: `${claim}.${sign(claim, key)}`, createdAt: now, expiresAt }
}

/** The key a token was made for; null for text that is no token of an active key. */
export async function findSession(
  ring: ApiKeyRing,
  token: string,
  now: number,
): Promise<{ readonly key: ApiKey; readonly isExpired: boolean } | null> {
  const [, claim, keyId, expiresAt, signature] = TOKEN.exec(token) ?? []
  if (claim === undefined || keyId === undefined || expiresAt === undefined || signature === undefined) return null
  const key = await ring.findById(keyId)
  if (!key) return null
  const expected = Buffer.from(sign(claim, key))
  const given = Buffer.from(signature)
  if (expected.length !== given.length || !timingSafeEqual(expected, given)) return null
  return { key, isExpired: parseInt(expiresAt, 36) <= now }
}

function sign(claim: string, { hash }: Pick<ApiKey, 'hash'>): string {
  return createHmac('sha256', Buffer.from(hash, 'hex')).update(claim).digest('base64url')
}
