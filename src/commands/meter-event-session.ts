/**
 * Tokens for the high-rate stream: good for 15 minutes, for one ledger, and revoked with the key they were made for.
 *
 * A token names its key and its end, signed with the key's stored hash. Every process that knows the keys can verify it, so
 * sessions need no memory and survive restarts.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import type { ApiKey } from '../domain/api-keys.js'
import { MINUTE_MS } from '../domain/time-bucket.js'
import type { ApiKeyRing } from './api-key-ring.js'

export const SESSION_LIFETIME_MS = 15 * MINUTE_MS

const PREFIX = 'mbst_'
/** `<prefix><key id>.<end, base 36>.<signature>`; key ids have no dot. */
const TOKEN = /^mbst_(key_[A-Za-z0-9]{1,64})\.([0-9a-z]{1,11})\.([A-Za-z0-9_-]{43})$/

export interface MeterEventSession {
  readonly token: string
  readonly createdAt: number
  readonly expiresAt: number
}

export function openSession(key: Pick<ApiKey, 'keyId' | 'hash'>, now: number): MeterEventSession {
  const expiresAt = now + SESSION_LIFETIME_MS
  const claim = `${key.keyId}.${expiresAt.toString(36)}`
  return { token: `${PREFIX}${claim}.${sign(claim, key)}`, createdAt: now, expiresAt }
}

/** The key a token was made for; null for text that is no token of an active key. */
export async function findSession(
  ring: ApiKeyRing,
  token: string,
  now: number,
): Promise<{ readonly key: ApiKey; readonly isExpired: boolean } | null> {
  const [, keyId, expiresAt, signature] = TOKEN.exec(token) ?? []
  if (keyId === undefined || expiresAt === undefined || signature === undefined) return null
  const key = await ring.findById(keyId)
  if (!key) return null
  const expected = Buffer.from(sign(`${keyId}.${expiresAt}`, key))
  const given = Buffer.from(signature)
  if (expected.length !== given.length || !timingSafeEqual(expected, given)) return null
  return { key, isExpired: parseInt(expiresAt, 36) <= now }
}

function sign(claim: string, { hash }: Pick<ApiKey, 'hash'>): string {
  return createHmac('sha256', Buffer.from(hash, 'hex')).update(claim).digest('base64url')
}
