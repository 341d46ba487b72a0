/**
 * Tokens that stand for an API key for a while: `<label><key id>.<end, base 36>.<signature>`.
 *
 * A token names its key and its end, signed with the key's stored hash. Every process that knows the keys can verify it, so
 * it needs no memory, survives restarts and ends with its key. The label is signed too: a token made for one purpose is
 * nothing for another.
 */
import { createHmac, timingSafeEqual } from 'node:crypto';
/** What follows the label; keys themselves have no dot. */
const TOKEN = /^(key_[A-Za-z0-9]{1,64})\.([0-9a-z]{1,11})\.([A-Za-z0-9_-]{43})$/;
/** `expiresAt` in milliseconds since the epoch, exclusive. */
export function makeToken(label, key, expiresAt) {
    const claim = `${label}${key.keyId}.${expiresAt.toString(36)}`;
    return `${claim}.${sign(claim, key)}`;
}
/** The key a token with this label was made for; null for text that is no token of an active key. */
export async function findTokenKey(ring, label, token, now) {
    if (!token.startsWith(label))
        return null;
    const [, keyId, expiresAt, signature] = TOKEN.exec(token.slice(label.length)) ?? [];
    if (keyId === undefined || expiresAt === undefined || signature === undefined)
        return null;
    const key = await ring.findById(keyId);
    if (!key)
        return null;
    const expected = Buffer.from(sign(`${label}${keyId}.${expiresAt}`, key));
    const given = Buffer.from(signature);
    if (expected.length !== given.length || !timingSafeEqual(expected, given))
        return null;
    return { key, isExpired: parseInt(expiresAt, 36) <= now };
}
function sign(claim, { hash }) {
    return createHmac('sha256', Buffer.from(hash, 'hex')).update(claim).digest('base64url');
}
//# sourceMappingURL=signed-token.js.map