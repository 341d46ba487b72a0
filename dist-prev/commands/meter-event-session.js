import { isLive } from '../domain/ledger.js';
import { MINUTE_MS } from '../domain/time-bucket.js';
import { findTokenKey, makeToken } from './signed-token.js';
export const SESSION_LIFETIME_MS = 15 * MINUTE_MS;
const labels = { test: 'rk_test_mes_', live: 'rk_live_mes_' };
export function openSession(key, now) {
    const expiresAt = now + SESSION_LIFETIME_MS;
    return { token: makeToken(labels[isLive(key.ledger) ? 'live' : 'test'], key, expiresAt), createdAt: now, expiresAt };
}
/** The key a token was made for; null for text that is no token of an active key. */
export async function findSession(ring, token, now) {
    const label = token.startsWith(labels.live) ? labels.live : labels.test;
    return findTokenKey(ring, label, token, now);
}
//# sourceMappingURL=meter-event-session.js.map