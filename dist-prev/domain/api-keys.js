/**
 * All API keys of an installation. Only a hash of a key is ever in an event; the key itself is shown once, when issued.
 */
import { DomainError } from './errors.js';
/** `secret` may do everything; `ingest` reports and cancels usage; `read` only reads. */
export const keyRoles = ['secret', 'ingest', 'read'];
export const KEY_NAME_LENGTH_MAX = 100;
export const initial = { keys: new Map() };
export function decide(state, command) {
    switch (command.type) {
        case 'IssueApiKey': {
            const { key } = command;
            for (const known of state.keys.values()) {
                if (known.hash !== key.hash)
                    continue;
                if (known.revokedAt === null && known.ledger === key.ledger && known.role === key.role)
                    return [];
                throw new DomainError('parameter_invalid', `This key was issued before (${known.keyId}). Choose another one.`, 'key');
            }
            return [{ type: 'ApiKeyIssued', data: key }];
        }
        case 'RevokeApiKey': {
            const { keyId, at } = command;
            const key = state.keys.get(keyId);
            if (!key)
                throw new DomainError('resource_missing', `No such API key: '${keyId}'.`, 'id');
            return key.revokedAt === null ? [{ type: 'ApiKeyRevoked', data: { keyId, at } }] : [];
        }
    }
}
export function evolve(state, event) {
    return fold(state, [event]);
}
/** Copies the map once for a whole history. */
export function fold(state, events) {
    const keys = new Map(state.keys);
    for (const event of events) {
        switch (event.type) {
            case 'ApiKeyIssued':
                keys.set(event.data.keyId, { ...event.data, revokedAt: null });
                break;
            case 'ApiKeyRevoked': {
                const key = keys.get(event.data.keyId);
                if (key)
                    keys.set(event.data.keyId, { ...key, revokedAt: event.data.at });
                break;
            }
        }
    }
    return { keys };
}
//# sourceMappingURL=api-keys.js.map