var __decorate = (this && this.__decorate) || function (decorators, target, key, desc) {
    var c = arguments.length, r = c < 3 ? target : desc === null ? desc = Object.getOwnPropertyDescriptor(target, key) : desc, d;
    if (typeof Reflect === "object" && typeof Reflect.decorate === "function") r = Reflect.decorate(decorators, target, key, desc);
    else for (var i = decorators.length - 1; i >= 0; i--) if (d = decorators[i]) r = (c < 3 ? d(r) : c > 3 ? d(target, key, r) : d(target, key)) || r;
    return c > 3 && r && Object.defineProperty(target, key, r), r;
};
var __metadata = (this && this.__metadata) || function (k, v) {
    if (typeof Reflect === "object" && typeof Reflect.metadata === "function") return Reflect.metadata(k, v);
};
/**
 * One decorator for each parameter of a DTO. It says three things at once: how the raw value is read, what class-validator
 * checks and with which refusal, and what the API description shows. Each constraint is there twice, for class-validator,
 * which knows what to refuse, and as a plain function, which is quick to tell that there is nothing to refuse.
 *
 * A parameter is required unless it says `optional`. An empty text is never taken for "left out".
 */
import { applyDecorators } from '@nestjs/common';
import { ApiProperty } from '@nestjs/swagger';
import { ArrayMaxSize, IsArray, IsDefined, IsIn, IsInt, IsOptional, IsString, ValidateBy, ValidateNested, } from 'class-validator';
import { isLongerThan } from '../../domain/text.js';
import * as refuse from './parameter-refusals.js';
import { buildDto, declareParameter, isAcceptable, isHash, Unread, within, } from './parameters.js';
import { parseTimestamp } from './timestamp.js';
const INTEGER = /^-?\d{1,15}$/;
export function Text(options) {
    const { lengthMax, exclusiveWith } = options;
    return parameter(options, { type: String, minLength: 1, maxLength: lengthMax }, asIs, [
        notEmpty(),
        { decorator: IsString(refusedBy((param) => refuse.wrongKind(param, 'a string'))), accepts: isString },
        rule('maxCharacters', (value) => typeof value === 'string' && !isLongerThan(value, lengthMax), (param) => refuse.tooLong(param, lengthMax)),
        ...exclusive(exclusiveWith),
    ]);
}
export function Choice(allowed, options = {}) {
    return parameter(options, { enum: [...allowed] }, asIs, [
        notEmpty(),
        {
            decorator: IsIn([...allowed], refusedBy((param) => refuse.notOneOf(param, allowed))),
            accepts: (value) => allowed.includes(value),
        },
    ]);
}
/** A whole number: written as text in v1 and in queries, a number where the body is JSON and on the DTO. */
export function IntegerText(options) {
    const { min, max, exclusiveWith } = options;
    const read = (raw) => {
        if (typeof raw === 'number')
            return raw;
        return typeof raw === 'string' && INTEGER.test(raw) ? Number(raw) : unread(raw);
    };
    return parameter(options, { type: 'integer', minimum: min, maximum: max, default: options.default }, read, [
        notEmpty(),
        integer((param, value) => refuse.badInteger(param, value instanceof Unread ? value.raw : value)),
        rule('range', (value) => typeof value === 'number' && value >= min && value <= max, (param) => refuse.outOfRange(param, min, max)),
        ...exclusive(exclusiveWith),
    ]);
}
/** v2: an RFC 3339 instant, milliseconds since the epoch on the DTO. */
export function Timestamp(options = {}) {
    const read = (raw) => (typeof raw === 'string' ? (parseTimestamp(raw) ?? unread(raw)) : unread(raw));
    return parameter(options, { type: String, format: 'date-time' }, read, [
        notEmpty(),
        integer((param) => refuse.wrongKind(param, 'an RFC 3339 timestamp such as 2026-01-15T10:00:00.000Z')),
    ]);
}
export function Hash(Dto, options = {}) {
    const read = (raw, param) => (isHash(raw) ? buildDto(Dto(), raw, param) : raw);
    return parameter(options, { type: Dto }, read, [
        notEmpty(),
        rule('hash', isHash, (param) => refuse.wrongKind(param, 'a hash')),
        nested(Dto),
    ]);
}
export function HashList(Dto, options) {
    const { lengthMax } = options;
    const read = (raw, param) => {
        // A list too long is refused before its entries are looked at, but not before what is declared ahead of it.
        if (!Array.isArray(raw) || raw.length > lengthMax)
            return raw;
        return raw.map((entry, index) => isHash(entry) ? buildDto(Dto(), entry, within(param, String(index))) : entry);
    };
    return parameter(options, { type: Dto, isArray: true, minItems: 1, maxItems: lengthMax }, read, [
        notEmpty(),
        { decorator: IsArray(refusedBy((param) => refuse.wrongKind(param, 'a list'))), accepts: Array.isArray },
        {
            decorator: ArrayMaxSize(lengthMax, refusedBy((param) => refuse.wrongKind(param, `a list of at most ${lengthMax} entries`))),
            accepts: (value) => Array.isArray(value) && value.length <= lengthMax,
        },
        rule('hashes', (value) => Array.isArray(value) && value.length > 0 && value.every(isHash), (param, value) => {
            const wrong = Array.isArray(value) ? value.findIndex((entry) => !isHash(entry)) : -1;
            return wrong === -1
                ? refuse.wrongKind(param, 'a list of at least one hash')
                : refuse.wrongKind(within(param, String(wrong)), 'a hash');
        }),
        nested(Dto),
    ]);
}
/** Any keys, text values. Without a prototype on the DTO, so that every key is one of the caller's. */
export function StringMap(options = {}) {
    const read = (raw) => (isHash(raw) ? Object.assign(Object.create(null), raw) : raw);
    return parameter(options, { type: 'object', additionalProperties: { type: 'string' } }, read, [
        notEmpty(),
        rule('hash', isHash, (param) => refuse.wrongKind(param, 'a hash')),
        rule('stringValues', (value) => isHash(value) && Object.values(value).every(isString), (param, value) => {
            const [wrong] = Object.entries(value).find(([, text]) => !isString(text)) ?? [''];
            return refuse.wrongKind(within(param, wrong), 'a string');
        }),
    ]);
}
export function StringList(options = {}) {
    return parameter(options, { type: String, isArray: true }, asIs, stringList());
}
/** v1: every endpoint takes `expand[]`, and nothing Meterbook answers can be expanded. */
export function Expand() {
    return parameter({ optional: true }, { type: String, isArray: true }, asIs, [
        ...stringList(),
        rule('expandable', (value) => Array.isArray(value) && value.length === 0, (_, value) => refuse.notExpandable(String(value[0]))),
    ]);
}
/** What every v1 endpoint takes. */
export class V1Parameters {
    expand;
}
__decorate([
    Expand(),
    __metadata("design:type", Array)
], V1Parameters.prototype, "expand", void 0);
function parameter({ optional = false, description }, property, read, constraints) {
    const accepts = (value, dto) => value === undefined || value === null ? optional : constraints.every((constraint) => constraint.accepts(value, dto));
    return applyDecorators((prototype, name) => declareParameter(prototype, String(name), { read, accepts }), optional ? IsOptional() : IsDefined(refusedBy(refuse.missing)), ...constraints.map(({ decorator }) => decorator), ApiProperty({ required: !optional, description, ...property }));
}
function asIs(raw) {
    return raw;
}
/** An empty text stays one, so that it is refused as empty rather than as malformed. */
function unread(raw) {
    return raw === '' ? raw : new Unread(raw);
}
function isString(value) {
    return typeof value === 'string';
}
function notEmpty() {
    return rule('notEmpty', (value) => value !== '', refuse.empty);
}
function stringList() {
    return [
        notEmpty(),
        rule('strings', (value) => Array.isArray(value) && value.every(isString), (param) => refuse.wrongKind(param, 'a list of strings')),
    ];
}
function exclusive(others = []) {
    return [others].flat().map((other) => rule(`exclusive with ${other}`, (_, dto) => dto[other] === undefined, (param) => refuse.exclusive(param, other)));
}
function integer(refusal) {
    return { decorator: IsInt(refusedBy(refusal)), accepts: Number.isInteger };
}
function nested(Dto) {
    return {
        decorator: ValidateNested(),
        accepts: (value) => Array.isArray(value)
            ? value.every((each) => isAcceptable(Dto(), each))
            : isAcceptable(Dto(), value),
    };
}
function rule(name, accepts, refusal) {
    const validate = (value, given) => accepts(value, given.object);
    return { decorator: ValidateBy({ name, validator: { validate } }, refusedBy(refusal)), accepts };
}
/** class-validator hands the context back with the error; it keeps none for a constraint without a message. */
function refusedBy(refusal) {
    return { message: 'refused', context: { refuse: refusal } };
}
//# sourceMappingURL=parameter-decorators.js.map