/**
 * Tokens that stand for an API key for a while: `<label><key id>.<end, base 36>.<signature>`.
 *
 * A token names its key and its end, signed with a secret that is not in the log, over the key's stored hash as well. Every process
 * with the secret can verify it, so it needs no memory, survives restarts and ends with its key. The label is signed too: a token
 * made for one purpose is nothing for another.
 */
import { createHmac, timingSafeEqual } from 'node:crypto'
import type { ApiKey } from '../domain/api-keys.js'
import { MINUTE_MS } from '../domain/time-bucket.js'
import type { ApiKeyRing } from './api-key-ring.js'

/** What follows the label; keys themselves have no dot. */
const TOKEN = /^(key_[A-Za-z0-9]{1,64})\.([0-9a-z]{1,11})\.([A-Za-z0-9_-]{43})$/
/** How far the clock of the service that made a token may be ahead, or a clock be set back. */
export const CLOCK_ALLOWANCE_MS = 10 * MINUTE_MS

/** What all tokens of one purpose have in common. */
export interface TokenKind {
  readonly label: string
  readonly lifetimeMs: number
}

/**
 * `over`: past its end, or signed by another secret: who holds it needs another one. `unknown`: no token of this kind and of an
 * active key.
 */
export type TokenFate =
  { readonly status: 'good'; readonly key: ApiKey } | { readonly status: 'over' } | { readonly status: 'unknown' }

export class SignedTokens {
  constructor(
    private readonly secret: Buffer,
    private readonly ring: ApiKeyRing,
  ) {}

  make({ label, lifetimeMs }: TokenKind, key: Pick<ApiKey, 'keyId' | 'hash'>, now: number): string {
    const claim = `${label}${key.keyId}.${(now + lifetimeMs).toString(36)}`
    return `${claim}.${this.sign(claim, key)}`
  }

  async find({ label, lifetimeMs }: TokenKind, token: string, now: number): Promise<TokenFate> {
    if (!token.startsWith(label)) return { status: 'unknown' }
    const [, keyId, end, signature] = TOKEN.exec(token.slice(label.length)) ?? []
    if (keyId === undefined || end === undefined || signature === undefined) return { status: 'unknown' }
    const key = await this.ring.findById(keyId)
    if (!key) return { status: 'unknown' }
    const expected = this.sign(`${label}${keyId}.${end}`, key)
    // Both have 43 letters of ASCII.
    if (!timingSafeEqual(Buffer.from(expected), Buffer.from(signature))) return { status: 'over' }
    const expiresAt = parseInt(end, 36)
    // No token is made for longer.
    const isOver = expiresAt <= now || expiresAt > now + lifetimeMs + CLOCK_ALLOWANCE_MS
    return isOver ? { status: 'over' } : { status: 'good', key }
  }

  private sign(claim: string, { hash }: Pick<ApiKey, 'hash'>): string {
    return createHmac('sha256', this.secret).update(`${claim}.${hash}`).digest('base64url')
  }
}
