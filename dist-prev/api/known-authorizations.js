/** More than an installation has keys in use; one key has many spellings. The oldest is forgotten first. */
export const KNOWN_AUTHORIZATIONS_MAX = 1000;
export class KnownAuthorizations {
    keyRing;
    /**
     * Ids of keys by header. A map finds an entry by a hash with a secret seed, so the time that takes does not tell how much
     * of a key was guessed.
     */
    keyIds = new Map();
    constructor(keyRing) {
        this.keyRing = keyRing;
    }
    /** The active key the header is known to name; null where it is not known to name one, so that it is to be looked at. */
    async find(authorization) {
        const keyId = this.keyIds.get(authorization);
        if (keyId === undefined)
            return null;
        const key = await this.keyRing.findById(keyId);
        // It cannot become active again, and is not kept in memory for nothing.
        if (!key)
            this.keyIds.delete(authorization);
        return key;
    }
    remember(authorization, { keyId }) {
        this.keyIds.set(authorization, keyId);
        if (this.keyIds.size <= KNOWN_AUTHORIZATIONS_MAX)
            return;
        const [oldest] = this.keyIds.keys();
        if (oldest !== undefined)
            this.keyIds.delete(oldest);
    }
}
//# sourceMappingURL=known-authorizations.js.map