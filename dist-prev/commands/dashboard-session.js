import { HOUR_MS } from '../domain/time-bucket.js';
import { findTokenKey, makeToken } from './signed-token.js';
export const DASHBOARD_SESSION_LIFETIME_MS = 12 * HOUR_MS;
const LABEL = 'dashboard_';
export function openDashboardSession(key, now) {
    return makeToken(LABEL, key, now + DASHBOARD_SESSION_LIFETIME_MS);
}
/** The key someone signed in with; null once the session is over, its key revoked, or the text is no such token. */
export async function findDashboardSession(ring, token, now) {
    const session = await findTokenKey(ring, LABEL, token, now);
    return session === null || session.isExpired ? null : session.key;
}
//# sourceMappingURL=dashboard-session.js.map