/**
 * What the API description says of every operation alike, beside what `Describe` says of each: the refusals of its version, that
 * it needs a key, and that parameters it does not know are refused.
 */
import type { OpenAPIObject } from '@nestjs/swagger'
import { namedSchemas, type Schema } from './stripe/answer-schemas.js'
import { V1Error, V2Error } from './stripe/error-envelope.js'

const JSON_TYPE = 'application/json'

const refusals = {
  V1Error: refusal(V1Error, 'Refused or failed. Statuses and codes: docs/wire-compatibility.md.'),
  V2Error: refusal(V2Error, 'Refused or failed, in the words of v2. Statuses and codes: docs/wire-compatibility.md.'),
}

export function withAnswers(document: OpenAPIObject): OpenAPIObject {
  const { security, components = {} } = document
  // So far it has the schemas of what is sent.
  for (const schema of Object.values(components.schemas ?? {})) {
    if ('properties' in schema) schema.additionalProperties = false
  }
  for (const [path, methods] of Object.entries(document.paths)) {
    const version = path.startsWith('/v2/') ? 'V2Error' : 'V1Error'
    for (const operation of [methods.get, methods.post, methods.delete]) {
      if (!operation) continue
      operation.security ??= security
      operation.responses.default = { $ref: `#/components/responses/${version}` }
    }
  }
  return {
    ...document,
    components: {
      ...components,
      responses: refusals,
      schemas: { ...components.schemas, ...Object.fromEntries(namedSchemas) },
    },
  }
}

function refusal({ described }: Schema<unknown>, description: string) {
  return { description, content: { [JSON_TYPE]: { schema: described } } }
}
