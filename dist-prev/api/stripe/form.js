/**
 * Parameters of a form body or a query string, in every spelling Stripe's clients use: `a[b]=c`, `a[]=x`, `a[0]=x`,
 * `a[][b]=c`, repeated keys, brackets literal or escaped, `+` or `%20`.
 *
 * Nothing is guessed and nothing dropped: what has two readings is refused. Hashes have no prototype, so `__proto__` is a
 * key like any other. Work is linear in the body and bounded by the limits below.
 */
import { ApiError } from './api-error.js';
import { decodeUtf8, quote, requireName, requireText } from './wire-text.js';
/** Parameters of one request; a meter event at its largest has about 60. */
export const PARAMETERS_MAX = 1000;
/** Levels of a parameter's name: `a[b][c]` has three. */
export const PARAMETER_DEPTH_MAX = 8;
/** Entries of a list, so also the bound on an index. */
export const LIST_LENGTH_MAX = 500;
const INDEX = /^(?:0|[1-9]\d*)$/;
/** Names taken apart, by how they were sent: clients send the same few again and again. All are forgotten when it is full. */
const names = new Map();
const NAMES_REMEMBERED_MAX = 500;
const REMEMBERED_NAME_LENGTH_MAX = 100;
export function parseForm(body) {
    const text = typeof body === 'string' ? body : decodeUtf8(body);
    const pairs = text.split('&', PARAMETERS_MAX + 1);
    if (pairs.length > PARAMETERS_MAX) {
        throw ApiError.invalidRequest(`Invalid request: at most ${PARAMETERS_MAX} parameters are accepted.`);
    }
    const parameters = emptyHash();
    const repeated = new Set();
    let hasLists = false;
    for (const pair of pairs) {
        if (pair === '')
            continue;
        const equals = pair.indexOf('=');
        const { text: name, path, hasList } = readName(equals === -1 ? pair : pair.slice(0, equals));
        const value = equals === -1 ? '' : unescape(pair.slice(equals + 1), name);
        requireText(value, name);
        assign(parameters, path, value, name, repeated);
        hasLists ||= hasList;
    }
    if (hasLists)
        requireNoHoles(parameters, '');
    return parameters;
}
/** The parameters of a request's URL. Node gives each byte of it as one character. */
export function parseQuery(url) {
    const question = url.indexOf('?');
    return question === -1 ? emptyHash() : parseForm(Buffer.from(url.slice(question + 1), 'latin1'));
}
function readName(sent) {
    const known = names.get(sent);
    if (known)
        return known;
    // A copy: a part of a body would keep the whole of it in memory.
    const own = Buffer.from(sent).toString();
    const text = unescape(own, null);
    requireName(text);
    const path = readPath(text);
    const name = { text, path, hasList: path.some(isListKey) };
    if (sent.length > REMEMBERED_NAME_LENGTH_MAX)
        return name;
    if (names.size >= NAMES_REMEMBERED_MAX)
        names.clear();
    names.set(own, name);
    return name;
}
function unescape(text, param) {
    const spaced = text.includes('+') ? text.replaceAll('+', ' ') : text;
    if (!spaced.includes('%'))
        return spaced;
    try {
        return decodeURIComponent(spaced);
    }
    catch {
        const what = param === null ? 'a parameter name' : `the value of ${quote(param)}`;
        const problem = /%(?![0-9a-fA-F]{2})/.test(spaced) ? 'has a malformed percent escape' : 'is not valid UTF-8';
        throw ApiError.invalidRequest(`Invalid request: ${what} ${problem}.`, 'parameter_invalid', param);
    }
}
function readPath(name) {
    const open = name.indexOf('[');
    const path = [open === -1 ? name : name.slice(0, open)];
    let at = open === -1 ? name.length : open;
    while (at < name.length) {
        const close = name[at] === '[' ? name.indexOf(']', at) : -1;
        if (close === -1)
            throw unbalanced(name);
        path.push(name.slice(at + 1, close));
        if (path.length > PARAMETER_DEPTH_MAX) {
            throw ApiError.invalidRequest(`Invalid request: the parameter ${quote(name)} is nested more than ${PARAMETER_DEPTH_MAX} levels deep.`, 'parameter_invalid', name);
        }
        at = close + 1;
    }
    if (path[0] === '')
        throw ApiError.invalidRequest('Invalid request: a parameter has no name.');
    if (path.some((key) => key.includes('[') || key.includes(']')))
        throw unbalanced(name);
    return path;
}
function unbalanced(name) {
    return ApiError.invalidRequest(`Invalid request: unbalanced brackets in the parameter ${quote(name)}.`, 'parameter_invalid', name);
}
function assign(root, path, value, name, repeated) {
    let container = root;
    for (let level = 0; level < path.length - 1; level++) {
        const key = keyFor(container, path, level, name);
        const listNext = isListKey(path[level + 1] ?? '');
        const existing = child(container, key);
        if (existing === undefined) {
            const created = listNext ? [] : emptyHash();
            put(container, key, created);
            container = created;
            continue;
        }
        if (typeof existing === 'string' || repeated.has(existing)) {
            throw contradiction(name, 'a value', listNext ? 'a list' : 'a hash');
        }
        if (Array.isArray(existing) !== listNext)
            throw contradiction(name, 'a list', 'a hash');
        container = existing;
    }
    const key = keyFor(container, path, path.length - 1, name);
    const existing = child(container, key);
    if (existing === undefined) {
        put(container, key, value);
    }
    else if (typeof existing === 'string') {
        const values = [existing, value];
        repeated.add(values);
        put(container, key, values);
    }
    else if (repeated.has(existing)) {
        ;
        existing.push(value);
    }
    else {
        throw contradiction(name, 'a value', Array.isArray(existing) ? 'a list' : 'a hash');
    }
}
function isListKey(key) {
    return key === '' || INDEX.test(key);
}
/** The key or index a step of the path stands for; `[]` is the next free one, or the last hash while it can take more. */
function keyFor(container, path, level, name) {
    const key = path[level] ?? '';
    if (!Array.isArray(container))
        return key;
    let index = Number(key);
    if (key === '') {
        const last = container.at(-1);
        const joinsLast = level < path.length - 1 && isHash(last) && !holds(last, path, level + 1);
        index = container.length - (joinsLast ? 1 : 0);
    }
    if (index < LIST_LENGTH_MAX)
        return String(index);
    throw ApiError.invalidRequest(`Invalid request: the list ${quote(name)} has more than ${LIST_LENGTH_MAX} entries.`, 'parameter_invalid', name);
}
/** Whether the rest of the path is taken: `a[][b]=1&a[][b]=2` is two hashes, `a[][b]=1&a[][c]=2` is one. */
function holds(value, path, level) {
    let current = value;
    for (const key of path.slice(level)) {
        // Appending to a list inside the last hash goes on with that hash.
        if (key === '')
            return false;
        if (current === undefined || typeof current === 'string')
            return current !== undefined;
        current = child(current, key);
    }
    return current !== undefined;
}
function isHash(value) {
    return typeof value === 'object' && !Array.isArray(value);
}
function child(container, key) {
    return Object.hasOwn(container, key) ? container[key] : undefined;
}
function put(container, key, value) {
    ;
    container[key] = value;
}
function emptyHash() {
    return Object.create(null);
}
/** Entries may come in any order, but in the end a list has them all. */
function requireNoHoles(value, name) {
    if (typeof value === 'string')
        return;
    if (!Array.isArray(value)) {
        for (const key in value)
            requireNoHoles(value[key] ?? '', name === '' ? key : `${name}[${key}]`);
        return;
    }
    for (let index = 0; index < value.length; index++) {
        const entry = value[index];
        if (entry === undefined) {
            throw ApiError.invalidRequest(`Invalid request: the list ${quote(name)} has no entry ${index}.`, 'parameter_invalid', name);
        }
        requireNoHoles(entry, `${name}[${index}]`);
    }
}
function contradiction(name, one, other) {
    return ApiError.invalidRequest(`Invalid request: the parameter ${quote(name)} is given both as ${one} and as ${other}.`, 'parameter_invalid', name);
}
//# sourceMappingURL=form.js.map