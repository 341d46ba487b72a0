/**
 * What the API description says of an operation: its name and what it answers. The compiler holds the method that answers
 * against the schema. Of parameters it says what is said at each of them, of refusals what is the same for all.
 */
import { applyDecorators, HttpCode, type StreamableFile } from '@nestjs/common'
import { ApiOperation, ApiResponse } from './api-decorators.js'
import type { DescribedSchema, Schema } from './stripe/answer-schemas.js'

/** Name of a security scheme of the description, beside those of API keys. */
export const SESSION_TOKEN = 'sessionToken'

interface Operation<Answer> {
  /** As a client may name it in its code; unique. */
  readonly id: string
  readonly summary: string
  readonly description?: string
  readonly answer?: Schema<Answer>
  /** What is answered in place of it, or as the only thing: by media type, in words. */
  readonly texts?: Readonly<Record<string, string>>
  /** Of the answer, 200 by default; then those it may have beside that. */
  readonly statuses?: readonly [number, ...number[]]
  /** In place of an API key. None: everyone may. */
  readonly security?: readonly Readonly<Record<string, string[]>>[]
}

type Answering<Answer> = (...parameters: never[]) => Answer | StreamableFile | void | Promise<Answer | StreamableFile>

export function Describe<Answer>({
  id,
  summary,
  description,
  answer,
  texts = {},
  statuses,
  security,
}: Operation<Answer>) {
  const [status, ...others] = statuses ?? [200]
  const content: Record<string, { schema: DescribedSchema }> = {}
  if (answer) content['application/json'] = { schema: answer.described }
  for (const [type, words] of Object.entries(texts)) content[type] = { schema: { type: 'string', description: words } }
  const decorate = applyDecorators(
    HttpCode(status),
    ApiOperation({ operationId: id, summary, description, ...(security && { security: [...security] }) }),
    ...[status, ...others].map((each) => ApiResponse({ status: each, description: summary, content })),
  )
  return <Method extends Answering<Answer>>(
    target: object,
    name: string | symbol,
    method: TypedPropertyDescriptor<Method>,
  ): void => decorate(target, name, method)
}
