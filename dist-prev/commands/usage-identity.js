/** Identifiers made for events that came without one: the same again when the same thing is sent again. Design §3.1. */
import { createHash } from 'node:crypto';
/** UUIDv5 namespace of identifiers made for requests that gave none but an idempotency key; permanent. */
const REQUEST_IDENTIFIERS = Buffer.from('5b1e8f0c3f0a4f52b7a4c3d9e2f61a70', 'hex');
/** UUIDv5 namespace of identifiers made for imported lines that gave none; permanent. */
const IMPORTED_LINES = Buffer.from('8e0f6d0b1c7a4c0d9d51f2f4b7a6c3e4', 'hex');
/** The identifier of an event that came without one: the same again when the request is retried with its key. */
export function identifierOfRequest(ledger, idempotencyKey) {
    return uuidV5(REQUEST_IDENTIFIERS, `${ledger} ${idempotencyKey}`);
}
/** The identifier of an imported line that came without one: the same again whenever the same source is imported. */
export function identifierOfLine(source, line) {
    return uuidV5(IMPORTED_LINES, `${source} ${line}`);
}
function uuidV5(namespace, name) {
    const hash = createHash('sha1').update(namespace).update(name).digest();
    hash[6] = (hash[6] & 0x0f) | 0x50;
    hash[8] = (hash[8] & 0x3f) | 0x80;
    const hex = hash.toString('hex');
    return `${hex.slice(0, 8)}-${hex.slice(8, 12)}-${hex.slice(12, 16)}-${hex.slice(16, 20)}-${hex.slice(20, 32)}`;
}
//# sourceMappingURL=usage-identity.js.map