import { DASHBOARD_SESSION_LIFETIME_MS } from '../commands/dashboard-session.js';
import { ApiError } from './stripe/api-error.js';
const NAME = 'meterbook_session';
/** Far longer than a token is; what is longer is not worth looking at. */
const COOKIE_HEADER_LENGTH_MAX = 8_192;
export function sessionCookie(request, token) {
    return cookie(request, token, DASHBOARD_SESSION_LIFETIME_MS / 1000);
}
export function endedSessionCookie(request) {
    return cookie(request, '', 0);
}
/** The token a browser sent; null where there is none. */
export function presentedSession({ headers }) {
    const { cookie: sent } = headers;
    if (sent === undefined || sent.length > COOKIE_HEADER_LENGTH_MAX)
        return null;
    for (const pair of sent.split(';')) {
        const [name = '', value = ''] = pair.split('=', 2);
        if (name.trim() === NAME && value.trim() !== '')
            return value.trim();
    }
    return null;
}
/**
 * Browsers say where a request comes from: in `Sec-Fetch-Site` over https and on localhost, in `Origin` of every POST
 * otherwise. One that says neither is no page of ours.
 *
 * @throws ApiError 403 for a request of another site.
 */
export function requireSameOrigin({ headers }) {
    const site = headers['sec-fetch-site'];
    const isOurs = site === undefined ? isOwnOrigin(headers.origin, headers.host) : site === 'same-origin';
    if (isOurs)
        return;
    throw new ApiError({
        status: 403,
        type: 'invalid_request_error',
        code: 'forbidden',
        message: "A dashboard session may change things only from the service's own pages. Programs send an API key in the Authorization header.",
    });
}
export function isReading(method) {
    return method === 'GET' || method === 'HEAD';
}
function isOwnOrigin(origin, host) {
    if (origin === undefined || host === undefined || !URL.canParse(origin))
        return false;
    return new URL(origin).host === host.toLowerCase();
}
function cookie(request, value, maxAgeSeconds) {
    const parts = [`${NAME}=${value}`, 'Path=/', `Max-Age=${maxAgeSeconds}`, 'HttpOnly', 'SameSite=Strict'];
    return (isHttps(request) ? [...parts, 'Secure'] : parts).join('; ');
}
/** The service itself speaks http; a proxy that ends https before it says so. */
function isHttps({ protocol, headers }) {
    const forwarded = headers['x-forwarded-proto'];
    return protocol === 'https' || (typeof forwarded === 'string' && forwarded.split(',', 1)[0]?.trim() === 'https');
}
//# sourceMappingURL=session-cookie.js.map