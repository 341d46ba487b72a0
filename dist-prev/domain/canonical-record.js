/**
 * A usage record as one line of text, and the order of such lines: what a digest is made of (docs/digest.md).
 *
 * Permanent. A digest that was published once must come out again from every later version, and from `jq`, `sort` and
 * `sha256sum` alone; test/golden keeps some.
 */
/** A JSON array without spaces, ended by a line feed; the payload is a list of `[key, text]`, in order of the keys. */
export function canonicalLine(record) {
    const { meterId, identifier, customer, value, occurredAt, recordedAt, cancelledAt, payload } = record;
    const sorted = payload.length > 1 ? [...payload].sort(([left], [right]) => compareCodePoints(left, right)) : payload;
    let entries = '';
    for (const [key, text] of sorted)
        entries += `${entries === '' ? '' : ','}[${quoted(key)},${quoted(text)}]`;
    return (`[${quoted(meterId)},${quoted(identifier)},${quoted(customer)},${value === null ? 'null' : quoted(value)}` +
        `,"${occurredAt}","${recordedAt}",${cancelledAt === null ? 'null' : `"${cancelledAt}"`},[${entries}]]\n`);
}
/** As JSON; nearly every text stands for itself, which is told faster than by writing it. */
function quoted(text) {
    if (PLAIN.test(text))
        return `"${text}"`;
    // Half of a surrogate pair is no character: every reader of JSON replaces it, most by U+FFFD. Some writers escape DEL.
    return JSON.stringify(text.replace(LONE_SURROGATE, '\ufffd')).replaceAll('\u007f', '\\u007f');
}
const PLAIN = /^[ !#-[\]-~\u0080-\ud7ff\ue000-\uffff]*$/;
const LONE_SURROGATE = /[\ud800-\udbff](?![\udc00-\udfff])|(?<![\ud800-\udbff])[\udc00-\udfff]/g;
/** Negative, zero or positive: by code points, which is the order of the UTF-8 bytes. */
export function compareCodePoints(left, right) {
    const length = Math.min(left.length, right.length);
    for (let index = 0; index < length; index++) {
        const one = left.charCodeAt(index);
        const other = right.charCodeAt(index);
        if (one !== other)
            return rank(one) - rank(other);
    }
    return left.length - right.length;
}
/** UTF-16 puts the characters beyond U+FFFF before those from U+E000; UTF-8 does not. */
function rank(unit) {
    if (unit < 0xd800)
        return unit;
    return unit >= 0xe000 ? unit - 0x800 : unit + 0x2000;
}
//# sourceMappingURL=canonical-record.js.map