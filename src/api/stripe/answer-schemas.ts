/**
 * What is answered, said once: a schema for the API description, and the type whoever makes the answer returns. So an answer
 * that lacks something, or may be null where that is not said, does not compile. Of OpenAPI 3.0, which every generator of clients
 * reads: null is said beside a type, never beside a reference.
 *
 * An answer may get further fields in a later version; that there are no others today is what the tests hold.
 */
import type { ExactNumber, WrittenJson } from './exact-json.js'

export type DescribedSchema = Readonly<Record<string, unknown>>

export interface Schema<Type> {
  readonly described: DescribedSchema
  /** Never there: it carries the type. */
  readonly type?: Type
}

interface OptionalSchema<Type> extends Schema<Type> {
  readonly isOptional: true
}

export type TypeOf<Described> = Described extends Schema<infer Type> ? Type : never

type Fields = Readonly<Record<string, Schema<unknown>>>

type OptionalKeys<F extends Fields> = {
  [Key in keyof F]: F[Key] extends OptionalSchema<unknown> ? Key : never
}[keyof F]

export type TypeOfFields<F extends Fields> = {
  readonly [Key in Exclude<keyof F, OptionalKeys<F>>]: TypeOf<F[Key]>
} & { readonly [Key in OptionalKeys<F>]?: TypeOf<F[Key]> }

const named = new Map<string, DescribedSchema>()

/** Those that have a name, by it: they stand in the description once. */
export const namedSchemas: ReadonlyMap<string, DescribedSchema> = named

/** An object that clients may name in their code. */
export function namedObject<const F extends Fields>(name: string, fields: F): Schema<TypeOfFields<F>> {
  if (named.has(name)) throw new Error(`Two answers are called ${name}.`)
  named.set(name, object(fields).described)
  return { described: { $ref: `#/components/schemas/${name}` } }
}

export function object<const F extends Fields>(fields: F, description?: string): Schema<TypeOfFields<F>> {
  const entries = Object.entries(fields)
  const required = entries.filter(([, field]) => !('isOptional' in field)).map(([name]) => name)
  return {
    described: {
      type: 'object',
      description,
      // OpenAPI has no empty list here.
      ...(required.length > 0 && { required }),
      properties: Object.fromEntries(entries.map(([name, { described }]) => [name, described])),
    },
  }
}

export function text(description?: string): Schema<string> {
  return { described: { type: 'string', description } }
}

export function choice<const Choice extends string>(choices: readonly Choice[], description?: string): Schema<Choice> {
  return { described: { type: 'string', enum: choices, description } }
}

/** The name of an object's kind, or a text that has one value. */
export function only<const Text extends string>(value: Text): Schema<Text> {
  return choice([value])
}

export function flag(description?: string): Schema<boolean> {
  return { described: { type: 'boolean', description } }
}

export function integer(description?: string): Schema<number> {
  return { described: { type: 'integer', format: 'int64', description } }
}

export function decimal(description?: string): Schema<number> {
  return { described: { type: 'number', description } }
}

export function exactNumber(description?: string): Schema<ExactNumber> {
  return { described: { type: 'number', description } }
}

export function unixSeconds(description: string): Schema<number> {
  return integer(`Unix seconds: ${description}`)
}

/** RFC 3339, in milliseconds. */
export function instant(description?: string): Schema<string> {
  return { described: { type: 'string', format: 'date-time', description } }
}

export function listOf<Type>({ described }: Schema<Type>, description?: string): Schema<readonly Type[]> {
  return { described: { type: 'array', items: described, description } }
}

/** Any keys, values of one kind. */
export function mapOf<Type>({ described }: Schema<Type>, description?: string): Schema<Readonly<Record<string, Type>>> {
  return { described: { type: 'object', additionalProperties: described, description } }
}

/** Of any type, null among them. */
export function writtenJson(description: string): Schema<WrittenJson | null> {
  return { described: { description } }
}

export function nullable<Type>({ described }: Schema<Type>): Schema<Type | null> {
  if (!('type' in described)) throw new Error('Null is said beside a type.')
  const { enum: choices } = described as { readonly enum?: readonly string[] }
  return { described: { ...described, nullable: true, ...(choices && { enum: [...choices, null] }) } }
}

/** May be left out. */
export function optional<Type>({ described }: Schema<Type>): OptionalSchema<Type> {
  return { described, isOptional: true }
}

export function oneOf<const Schemas extends readonly Schema<unknown>[]>(
  schemas: Schemas,
): Schema<TypeOf<Schemas[number]>> {
  return { described: { oneOf: schemas.map(({ described }) => described) } }
}
