/**
 * JSON in which exact decimals stay exact: an `ExactNumber` is written as the number literal it was given, never through a
 * double. Everything else is what `JSON.stringify` makes of it, because `JSON.stringify` makes it.
 */
import { randomBytes } from 'node:crypto';
const NUMBER_LITERAL = /^-?(?:0|[1-9]\d*)(?:\.\d+)?(?:[eE][+-]?\d+)?$/;
// Random for each process and never sent to anyone, so no text in a value can pass for a marked number.
const mark = `exact:${randomBytes(16).toString('hex')}:`;
const marked = new RegExp(`"${mark}([^"]+)"`, 'g');
let writing = false;
let found = false;
export class ExactNumber {
    literal;
    constructor(literal) {
        this.literal = literal;
        if (!NUMBER_LITERAL.test(literal))
            throw new TypeError('An exact number needs a JSON number literal.');
    }
    /** Outside `toJson` the literal as text: still exact, and the mark stays in here. */
    toJSON() {
        if (!writing)
            return this.literal;
        found = true;
        return mark + this.literal;
    }
}
export function toJson(value) {
    if (writing)
        throw new TypeError('toJson cannot be used inside toJSON.');
    writing = true;
    found = false;
    let json;
    try {
        json = JSON.stringify(value);
    }
    finally {
        writing = false;
    }
    if (json === undefined)
        throw new TypeError('The value has no JSON.');
    return found ? json.replace(marked, '$1') : json;
}
//# sourceMappingURL=exact-json.js.map