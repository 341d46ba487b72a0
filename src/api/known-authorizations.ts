/**
 * Which key an `Authorization` header was found to name, so that it need not be taken apart and hashed again with every
 * request. Only the id is taken from here: whether the key is still active is asked of the ring each time, so that a key
 * ends as soon as it is revoked.
 */
import type { ApiKeyRing } from '../commands/api-key-ring.js'
import type { ApiKey } from '../domain/api-keys.js'

/** More than an installation has keys in use; one key has many spellings. The oldest is forgotten first. */
export const KNOWN_AUTHORIZATIONS_MAX = 1000

export class KnownAuthorizations {
  /**
   * Ids of keys by header. A map finds an entry by a hash with a secret seed, so the time that takes does not tell how much
   * of a key was guessed.
   */
  private readonly keyIds = new Map<string, string>()

  constructor(private readonly keyRing: ApiKeyRing) {}

  /** The active key the header is known to name; null where it is not known to name one, so that it is to be looked at. */
  async find(authorization: string): Promise<ApiKey | null> {
    const keyId = this.keyIds.get(authorization)
    if (keyId === undefined) return null
    const key = await this.keyRing.findById(keyId)
    // It cannot become active again, and is not kept in memory for nothing.
    if (!key) this.keyIds.delete(authorization)
    return key
  }

  remember(authorization: string, { keyId }: ApiKey): void {
    this.keyIds.set(authorization, keyId)
    if (this.keyIds.size <= KNOWN_AUTHORIZATIONS_MAX) return
    const [oldest] = this.keyIds.keys()
    if (oldest !== undefined) this.keyIds.delete(oldest)
  }
}
