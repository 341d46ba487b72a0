/**
 * From raw parameters to a DTO, or to the first refusal: unknown parameters anywhere first, then the others in order of
 * declaration.
 *
 * Raw parameters are only ever read key by key, and only keys the DTO declares are copied, onto an instance of the DTO. So
 * class-validator never meets a `constructor` or `__proto__` of the caller's.
 */
import { validateSync } from 'class-validator';
import { ApiError } from './api-error.js';
import { unknown } from './parameter-refusals.js';
/** A raw value that could not be read. No constraint accepts it. */
export class Unread {
    raw;
    constructor(raw) {
        this.raw = raw;
    }
}
/** Letters a misspelt parameter may be away from the one that was meant. */
const TYPING_ERRORS_MAX = 2;
const declared = new WeakMap();
const shapes = new WeakMap();
/** Makes a property of a DTO a parameter. Used by the decorators of `parameter-decorators.ts`. */
export function declareParameter(prototype, property, parameter) {
    const parameters = declared.get(prototype) ?? new Map();
    declared.set(prototype, parameters.set(property, parameter));
}
export function readParameters(Dto, raw) {
    const dto = buildDto(Dto, isHash(raw) ? raw : {}, '');
    // Most requests are as they should be, and class-validator takes longer to say so than all else takes to read them.
    if (isAcceptable(Dto, dto))
        return dto;
    const [error] = validateSync(dto, {
        // Deciders refuse what they must; a DTO without parameters is one whose every parameter is unknown.
        forbidUnknownValues: false,
        stopAtFirstError: true,
        validationError: { target: false },
    });
    if (error)
        throw refusal(error, '');
    return dto;
}
/** Whether a DTO holds what its class declares. */
export function isAcceptable(Dto, dto) {
    for (const [name, { accepts }] of shapeOf(Dto)) {
        if (!accepts(dto[name], dto))
            return false;
    }
    return true;
}
/** Only copies and reads; what is wrong with the values comes out in the validation. */
export function buildDto(Dto, raw, param) {
    const parameters = shapeOf(Dto);
    for (const name of Object.keys(raw)) {
        if (!parameters.has(name))
            throw unknown(within(param, name), nearest(name, parameters.keys(), param));
    }
    const dto = new Dto();
    for (const [name, { read }] of parameters) {
        if (!Object.hasOwn(raw, name))
            continue;
        const value = raw[name];
        // In JSON, null is how a client leaves a parameter out.
        if (value === null || value === undefined)
            continue;
        dto[name] = read(value, within(param, name));
    }
    return dto;
}
export function within(param, name) {
    return param === '' ? name : `${param}[${name}]`;
}
export function isHash(value) {
    return typeof value === 'object' && value !== null && !Array.isArray(value);
}
function shapeOf(Dto) {
    const known = shapes.get(Dto);
    if (known)
        return known;
    const shape = new Map();
    for (let prototype = Dto.prototype; prototype;) {
        for (const [name, parameter] of declared.get(prototype) ?? [])
            if (!shape.has(name))
                shape.set(name, parameter);
        prototype = Object.getPrototypeOf(prototype);
    }
    shapes.set(Dto, shape);
    return shape;
}
function refusal(error, parent) {
    const param = within(parent, error.property);
    const [constraint] = Object.keys(error.constraints ?? {});
    if (constraint === undefined) {
        const [child] = error.children ?? [];
        if (child)
            return refusal(child, param);
    }
    const context = error.contexts?.[constraint ?? ''];
    // A constraint without its refusal is a mistake in a DTO, not in the request.
    if (!context)
        throw new Error(`No refusal is declared for ${param}: ${constraint}.`);
    return context.refuse(param, error.value);
}
function nearest(name, names, param) {
    const snakeCase = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    let best = null;
    let bestDistance = TYPING_ERRORS_MAX + 1;
    for (const known of names) {
        const distance = known === snakeCase ? 0 : editDistance(name, known);
        if (distance < bestDistance)
            [best, bestDistance] = [known, distance];
    }
    return best === null ? null : within(param, best);
}
/** Insertions, deletions and substitutions from one name to the other; infinite where that is surely too many. */
function editDistance(one, other) {
    if (Math.abs(one.length - other.length) > TYPING_ERRORS_MAX)
        return Infinity;
    let row = Array.from({ length: other.length + 1 }, (_, index) => index);
    for (let i = 1; i <= one.length; i++) {
        const next = [i];
        for (let j = 1; j <= other.length; j++) {
            const substituted = (row[j - 1] ?? 0) + (one[i - 1] === other[j - 1] ? 0 : 1);
            next.push(Math.min(substituted, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1));
        }
        row = next;
    }
    // Short names are all near each other.
    const distance = row[other.length] ?? Infinity;
    return distance * 2 < other.length ? distance : Infinity;
}
//# sourceMappingURL=parameters.js.map