/**
 * From raw parameters to a DTO, or to the first refusal: unknown parameters anywhere first, then the others in order of
 * declaration.
 *
 * Raw parameters are only ever read key by key, and only keys the DTO declares are copied, onto an instance of the DTO. So
 * class-validator never meets a `constructor` or `__proto__` of the caller's.
 */
import { validateSync, type ValidationError } from 'class-validator'
import { ApiError } from './api-error.js'
import { unknown } from './parameter-refusals.js'

export type DtoClass<T extends object = object> = new () => T

/** Says what is wrong with a value, once a constraint has found it wrong. */
export type Refuse = (param: string, value: unknown) => ApiError

/** Turns a raw value into the DTO's; what it cannot make sense of it returns as `Unread`. */
export type Reader = (raw: unknown, param: string) => unknown

/**
 * Whether every constraint of a parameter holds, said without class-validator. May say no where class-validator says yes, which
 * then decides; never the other way round.
 */
export type Accepts = (value: unknown, dto: object) => boolean

/** As the API description has it, but that the class of a hash stands for its schema. */
export interface ParameterSchema {
  readonly type: string | (() => DtoClass)
  readonly [constraint: string]: unknown
}

/** What the API description says of a parameter. */
export interface Description extends ParameterSchema {
  readonly required: boolean
  readonly description: string | undefined
}

interface Parameter {
  readonly read: Reader
  readonly accepts: Accepts
  readonly described: Description
}

/** A raw value that could not be read. No constraint accepts it. */
export class Unread {
  constructor(readonly raw: unknown) {}
}

/** Letters a misspelt parameter may be away from the one that was meant. */
const TYPING_ERRORS_MAX = 2

const declared = new WeakMap<object, Map<string, Parameter>>()
const shapes = new WeakMap<DtoClass, ReadonlyMap<string, Parameter>>()

/** Makes a property of a DTO a parameter. Used by the decorators of `parameter-decorators.ts`. */
export function declareParameter(prototype: object, property: string, parameter: Parameter): void {
  const parameters = declared.get(prototype) ?? new Map<string, Parameter>()
  declared.set(prototype, parameters.set(property, parameter))
}

/** By name, in order of declaration: those of a base class come last. */
export function descriptionsOf(Dto: DtoClass): ReadonlyMap<string, Description> {
  return new Map([...shapeOf(Dto)].map(([name, { described }]) => [name, described]))
}

export function readParameters<T extends object>(Dto: DtoClass<T>, raw: unknown): T {
  const dto = buildDto(Dto, isHash(raw) ? raw : {}, '')
  // Most requests are as they should be, and class-validator takes longer to say so than all else takes to read them.
  if (isAcceptable(Dto, dto)) return dto
  const [error] = validateSync(dto, {
    // Deciders refuse what they must; a DTO without parameters is one whose every parameter is unknown.
    forbidUnknownValues: false,
    stopAtFirstError: true,
    validationError: { target: false },
  })
  if (error) throw refusal(error, '')
  return dto
}

/** Whether a DTO holds what its class declares. */
export function isAcceptable(Dto: DtoClass, dto: object): boolean {
  for (const [name, { accepts }] of shapeOf(Dto)) {
    if (!accepts((dto as Record<string, unknown>)[name], dto)) return false
  }
  return true
}

/** Only copies and reads; what is wrong with the values comes out in the validation. */
export function buildDto<T extends object>(Dto: DtoClass<T>, raw: object, param: string): T {
  const parameters = shapeOf(Dto)
  for (const name of Object.keys(raw)) {
    if (!parameters.has(name)) throw unknown(within(param, name), nearest(name, parameters.keys(), param))
  }
  const dto = new Dto()
  for (const [name, { read }] of parameters) {
    if (!Object.hasOwn(raw, name)) continue
    const value = (raw as Record<string, unknown>)[name]
    // In JSON, null is how a client leaves a parameter out.
    if (value === null || value === undefined) continue
    ;(dto as Record<string, unknown>)[name] = read(value, within(param, name))
  }
  return dto
}

export function within(param: string, name: string): string {
  return param === '' ? name : `${param}[${name}]`
}

export function isHash(value: unknown): value is object {
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

function shapeOf(Dto: DtoClass): ReadonlyMap<string, Parameter> {
  const known = shapes.get(Dto)
  if (known) return known
  const shape = new Map<string, Parameter>()
  for (let prototype = Dto.prototype as object | null; prototype;) {
    for (const [name, parameter] of declared.get(prototype) ?? []) if (!shape.has(name)) shape.set(name, parameter)
    prototype = Object.getPrototypeOf(prototype) as object | null
  }
  shapes.set(Dto, shape)
  return shape
}

function refusal(error: ValidationError, parent: string): ApiError {
  const param = within(parent, error.property)
  const [constraint] = Object.keys(error.constraints ?? {})
  if (constraint === undefined) {
    const [child] = error.children ?? []
    if (child) return refusal(child, param)
  }
  const context = error.contexts?.[constraint ?? ''] as { readonly refuse: Refuse } | undefined
  // A constraint without its refusal is a mistake in a DTO, not in the request.
  if (!context) throw new Error(`No refusal is declared for ${param}: ${constraint}.`)
  return context.refuse(param, error.value)
}

function nearest(name: string, names: Iterable<string>, param: string): string | null {
  const snakeCase = name.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`)
  let best: string | null = null
  let bestDistance = TYPING_ERRORS_MAX + 1
  for (const known of names) {
    const distance = known === snakeCase ? 0 : editDistance(name, known)
    if (distance < bestDistance) [best, bestDistance] = [known, distance]
  }
  return best === null ? null : within(param, best)
}

/** Insertions, deletions and substitutions from one name to the other; infinite where that is surely too many. */
function editDistance(one: string, other: string): number {
  if (Math.abs(one.length - other.length) > TYPING_ERRORS_MAX) return Infinity
  let row = Array.from({ length: other.length + 1 }, (_, index) => index)
  for (let i = 1; i <= one.length; i++) {
    const next = [i]
    for (let j = 1; j <= other.length; j++) {
      const substituted = (row[j - 1] ?? 0) + (one[i - 1] === other[j - 1] ? 0 : 1)
      next.push(Math.min(substituted, (row[j] ?? 0) + 1, (next[j - 1] ?? 0) + 1))
    }
    row = next
  }
  // Short names are all near each other.
  const distance = row[other.length] ?? Infinity
  return distance * 2 < other.length ? distance : Infinity
}
