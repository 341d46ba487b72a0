/** No `-` (it ends a category), no `.` (it ends a ledger in a stream name), no `~`. */
const ACCOUNT = /^[a-z0-9_]{1,64}$/;
export function isAccountName(text) {
    return ACCOUNT.test(text);
}
export function ledgerName({ account, mode }) {
    return `${account}~${mode}`;
}
export function isLive(ledger) {
    return ledger.endsWith('~live');
}
//# sourceMappingURL=ledger.js.map