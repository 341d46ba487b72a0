/**
 * One decorator for each parameter of a DTO. It says three things at once: how the raw value is read, what class-validator
 * checks and with which refusal, and what the API description shows. Each constraint is there twice, for class-validator,
 * which knows what to refuse, and as a plain function, which is quick to tell that there is nothing to refuse.
 *
 * A parameter is required unless it says `optional`. An empty text is never taken for "left out".
 */
import { applyDecorators } from '@nestjs/common'
import {
  ArrayMaxSize,
  IsArray,
  IsDefined,
  IsIn,
  IsInt,
  IsOptional,
  IsString,
  ValidateBy,
  ValidateNested,
  type ValidationArguments,
  type ValidationOptions,
} from 'class-validator'
import { isLongerThan } from '../../domain/text.js'
import { ApiExtraModels, ApiProperty, ApiQuery } from '../api-decorators.js'
import { hashOf } from './form.js'
import * as refuse from './parameter-refusals.js'
import {
  buildDto,
  declareParameter,
  descriptionsOf,
  isAcceptable,
  isHash,
  Unread,
  within,
  type Accepts,
  type Description,
  type DtoClass,
  type ParameterSchema,
  type Reader,
  type Refuse,
} from './parameters.js'
import { parseTimestamp } from './timestamp.js'

/** A constraint of class-validator's, and the same as a function. */
interface Constraint {
  readonly decorator: PropertyDecorator
  readonly accepts: Accepts
}

interface Options {
  readonly optional?: boolean
  /** For the API description. */
  readonly description?: string
}

const INTEGER = /^-?\d{1,15}$/

export function Text(
  options: Options & { readonly lengthMax: number; readonly exclusiveWith?: string | readonly string[] },
) {
  const { lengthMax, exclusiveWith } = options
  return parameter(options, { type: 'string', minLength: 1, maxLength: lengthMax }, asIs, [
    notEmpty(),
    { decorator: IsString(refusedBy((param) => refuse.wrongKind(param, 'a string'))), accepts: isString },
    rule(
      'maxCharacters',
      (value) => typeof value === 'string' && !isLongerThan(value, lengthMax),
      (param) => refuse.tooLong(param, lengthMax),
    ),
    ...exclusive(exclusiveWith),
  ])
}

export function Choice(allowed: readonly string[], options: Options = {}) {
  return parameter(options, { type: 'string', enum: [...allowed] }, asIs, [
    notEmpty(),
    {
      decorator: IsIn(
        [...allowed],
        refusedBy((param) => refuse.notOneOf(param, allowed)),
      ),
      accepts: (value) => allowed.includes(value as string),
    },
  ])
}

/** A whole number: written as text in v1 and in queries, a number where the body is JSON and on the DTO. */
export function IntegerText(
  options: Options & {
    readonly min: number
    readonly max: number
    readonly default?: number
    readonly exclusiveWith?: string | readonly string[]
  },
) {
  const { min, max, exclusiveWith } = options
  const read: Reader = (raw) => {
    if (typeof raw === 'number') return raw
    return typeof raw === 'string' && INTEGER.test(raw) ? Number(raw) : unread(raw)
  }
  return parameter(options, { type: 'integer', minimum: min, maximum: max, default: options.default }, read, [
    notEmpty(),
    integer((param, value) => refuse.badInteger(param, value instanceof Unread ? value.raw : value)),
    rule(
      'range',
      (value) => typeof value === 'number' && value >= min && value <= max,
      (param) => refuse.outOfRange(param, min, max),
    ),
    ...exclusive(exclusiveWith),
  ])
}

/** v2: an RFC 3339 instant, milliseconds since the epoch on the DTO. */
export function Timestamp(options: Options = {}) {
  const read: Reader = (raw) => (typeof raw === 'string' ? (parseTimestamp(raw) ?? unread(raw)) : unread(raw))
  return parameter(options, { type: 'string', format: 'date-time' }, read, [
    notEmpty(),
    integer((param) => refuse.wrongKind(param, 'an RFC 3339 timestamp such as 2026-01-15T10:00:00.000Z')),
  ])
}

export function Hash(Dto: () => DtoClass, options: Options = {}) {
  const read: Reader = (raw, param) => {
    const given = hashOf(raw)
    return isHash(given) ? buildDto(Dto(), given, param) : given
  }
  return parameter(options, { type: lazy(Dto) }, read, [
    notEmpty(),
    rule('hash', isHash, (param) => refuse.wrongKind(param, 'a hash')),
    nested(Dto),
  ])
}

export function HashList(Dto: () => DtoClass, options: Options & { readonly lengthMax: number }) {
  const { lengthMax } = options
  const read: Reader = (raw, param) => {
    // A list too long is refused before its entries are looked at, but not before what is declared ahead of it.
    if (!Array.isArray(raw) || raw.length > lengthMax) return raw
    return raw.map((entry: unknown, index) =>
      isHash(entry) ? buildDto(Dto(), entry, within(param, String(index))) : entry,
    )
  }
  return parameter(options, { type: lazy(Dto), isArray: true, minItems: 1, maxItems: lengthMax }, read, [
    notEmpty(),
    {
      decorator: IsArray(refusedBy((param, value) => refuse.notAList(param, value, 'a list'))),
      accepts: Array.isArray,
    },
    {
      decorator: ArrayMaxSize(
        lengthMax,
        refusedBy((param) => refuse.wrongKind(param, `a list of at most ${lengthMax} entries`)),
      ),
      accepts: (value) => Array.isArray(value) && value.length <= lengthMax,
    },
    rule(
      'hashes',
      (value) => Array.isArray(value) && value.length > 0 && value.every(isHash),
      (param, value) => {
        const wrong = Array.isArray(value) ? value.findIndex((entry) => !isHash(entry)) : -1
        return wrong === -1
          ? refuse.wrongKind(param, 'a list of at least one hash')
          : refuse.wrongKind(within(param, String(wrong)), 'a hash')
      },
    ),
    nested(Dto),
  ])
}

/** Any keys, text values. Without a prototype on the DTO, so that every key is one of the caller's. */
export function StringMap(options: Options = {}) {
  const read: Reader = (raw) => {
    const given = hashOf(raw)
    return isHash(given) ? Object.assign(Object.create(null) as object, given) : given
  }
  return parameter(options, { type: 'object', additionalProperties: { type: 'string' } }, read, [
    notEmpty(),
    rule('hash', isHash, (param) => refuse.wrongKind(param, 'a hash')),
    rule(
      'stringValues',
      (value) => isHash(value) && Object.values(value).every(isString),
      (param, value) => {
        const [wrong] = Object.entries(value as object).find(([, text]) => !isString(text)) ?? ['']
        return refuse.wrongKind(within(param, wrong), 'a string')
      },
    ),
  ])
}

export function StringList(options: Options = {}) {
  return parameter(options, { type: 'array', items: { type: 'string' } }, asIs, stringList())
}

/** v1: every endpoint takes `expand[]`, and nothing Meterbook answers can be expanded. */
export function Expand() {
  const options = { optional: true, description: 'Nothing can be expanded: an empty list, or left out.' }
  return parameter(options, { type: 'array', items: { type: 'string' } }, asIs, [
    ...stringList(),
    rule(
      'expandable',
      (value) => Array.isArray(value) && value.length === 0,
      (_, value) => refuse.notExpandable(String((value as string[])[0])),
    ),
  ])
}

/**
 * Describes the parameters of a query as they are written in it: `list[]=a`, `hash[key]=b`. One by one, since Swagger, told of
 * the DTO alone, says neither that nor which choices there are.
 */
export function Query(Dto: DtoClass): MethodDecorator {
  const described = [...descriptionsOf(Dto)].map(([name, { required, description, ...schema }]) =>
    typeof schema.type === 'function'
      ? applyDecorators(
          ApiExtraModels(schema.type()),
          ApiQuery({
            ...inHash,
            name,
            required,
            description,
            schema: { $ref: `#/components/schemas/${schema.type().name}` },
          }),
        )
      : ApiQuery({
          ...(schema.type === 'object' && inHash),
          name: schema.type === 'array' ? `${name}[]` : name,
          required,
          description,
          schema: schema as object,
        }),
  )
  return applyDecorators(...described)
}

const inHash = { style: 'deepObject', explode: true } as const

/** What every v1 endpoint takes. */
export class V1Parameters {
  @Expand()
  expand?: string[]
}

type ApiPropertyOptions = NonNullable<Parameters<typeof ApiProperty>[0]>

function parameter(
  { optional = false, description }: Options,
  schema: ParameterSchema,
  read: Reader,
  constraints: readonly Constraint[],
): PropertyDecorator {
  const accepts: Accepts = (value, dto) =>
    value === undefined || value === null ? optional : constraints.every((constraint) => constraint.accepts(value, dto))
  const described: Description = { ...schema, required: !optional, description }
  return applyDecorators(
    (prototype: object, name: string | symbol) =>
      declareParameter(prototype, String(name), { read, accepts, described }),
    optional ? IsOptional() : IsDefined(refusedBy(refuse.missing)),
    ...constraints.map(({ decorator }) => decorator),
    ApiProperty(described as ApiPropertyOptions),
  )
}

/** Swagger calls a function for the class only if its name is `type`; it takes any other for the class itself. */
function lazy(Dto: () => DtoClass): () => DtoClass {
  const type = (): DtoClass => Dto()
  return type
}

function asIs(raw: unknown): unknown {
  return raw
}

/** An empty text stays one, so that it is refused as empty rather than as malformed. */
function unread(raw: unknown): unknown {
  return raw === '' ? raw : new Unread(raw)
}

function isString(value: unknown): value is string {
  return typeof value === 'string'
}

function notEmpty(): Constraint {
  return rule('notEmpty', (value) => value !== '', refuse.empty)
}

function stringList(): Constraint[] {
  return [
    notEmpty(),
    rule(
      'strings',
      (value) => Array.isArray(value) && value.every(isString),
      (param, value) => refuse.notAList(param, value, 'a list of strings'),
    ),
  ]
}

function exclusive(others: string | readonly string[] = []): Constraint[] {
  return [others].flat().map((other) =>
    rule(
      `exclusive with ${other}`,
      (_, dto) => (dto as Record<string, unknown>)[other] === undefined,
      (param) => refuse.exclusive(param, other),
    ),
  )
}

function integer(refusal: Refuse): Constraint {
  return { decorator: IsInt(refusedBy(refusal)), accepts: Number.isInteger }
}

function nested(Dto: () => DtoClass): Constraint {
  return {
    decorator: ValidateNested(),
    accepts: (value) =>
      Array.isArray(value)
        ? value.every((each) => isAcceptable(Dto(), each as object))
        : isAcceptable(Dto(), value as object),
  }
}

function rule(name: string, accepts: Accepts, refusal: Refuse): Constraint {
  const validate = (value: unknown, given?: ValidationArguments) =>
    accepts(value, (given as ValidationArguments).object)
  return { decorator: ValidateBy({ name, validator: { validate } }, refusedBy(refusal)), accepts }
}

/** class-validator hands the context back with the error; it keeps none for a constraint without a message. */
function refusedBy(refusal: Refuse): ValidationOptions {
  return { message: 'refused', context: { refuse: refusal } }
}
