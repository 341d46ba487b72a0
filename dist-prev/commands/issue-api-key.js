/** Issues an API key. The key itself is in the answer only, never in an event. */
import { isAccountName, ledgerName } from '../domain/ledger.js';
import { DomainError } from '../domain/errors.js';
import { hashOfKey } from './api-key-ring.js';
const KEY_RANDOM_LENGTH = 48;
const KEY_ID_RANDOM_LENGTH = 16;
/** Shorter ones can be guessed, and the Stripe CLI refuses keys under twelve characters. */
const GIVEN_KEY_LENGTH_MIN = 16;
const GIVEN_KEY_LENGTH_MAX = 255;
/** @throws DomainError for a bad account name or chosen key. */
export async function issueApiKey(ring, { account, mode, role, name, key: given }, { clock, ids }, context) {
    if (!isAccountName(account)) {
        throw new DomainError('parameter_invalid', 'An account name has 1 to 64 lower-case letters, digits and _.', 'account');
    }
    const prefix = `${role === 'secret' ? 'sk' : 'rk'}_${mode}_`;
    if (given !== undefined)
        requireKeyForm(given, prefix);
    const key = given ?? prefix + ids.random(KEY_RANDOM_LENGTH);
    const apiKey = {
        keyId: `key_${ids.random(KEY_ID_RANDOM_LENGTH)}`,
        hash: hashOfKey(key),
        lastFour: key.slice(-4),
        ledger: ledgerName({ account, mode }),
        role,
        name,
        issuedAt: clock.now(),
    };
    const { state } = await ring.stream.transact({ type: 'IssueApiKey', key: apiKey }, context);
    const issued = [...state.keys.values()].find(({ hash }) => hash === apiKey.hash) ?? apiKey;
    return { apiKey: issued, key };
}
function requireKeyForm(key, prefix) {
    if (!key.startsWith(prefix) || !/^[A-Za-z0-9_]+$/.test(key)) {
        throw new DomainError('parameter_invalid', `The key must begin with ${prefix} and have only letters, digits and _.`, 'key');
    }
    if (key.length < GIVEN_KEY_LENGTH_MIN || key.length > GIVEN_KEY_LENGTH_MAX) {
        throw new DomainError('parameter_invalid', `The key must have ${GIVEN_KEY_LENGTH_MIN} to ${GIVEN_KEY_LENGTH_MAX} characters.`, 'key');
    }
}
//# sourceMappingURL=issue-api-key.js.map