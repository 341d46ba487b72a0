/** The OpenAPI description, at `/docs`, and as JSON at `/docs-json`. What it says of parameters is said at each of them. */
import type { NestFastifyApplication } from '@nestjs/platform-fastify'
import { DocumentBuilder, SwaggerModule, type OpenAPIObject } from '@nestjs/swagger'

const FORM = 'application/x-www-form-urlencoded'

export function describeApi(app: NestFastifyApplication, version: string): void {
  const description = new DocumentBuilder()
    .setTitle('Meterbook')
    .setDescription(
      "Self-hosted usage metering with Stripe's Billing Meters API. The official Stripe SDKs work against it unchanged.",
    )
    .setVersion(version)
    .addSecurity('bearer', {
      type: 'http',
      scheme: 'bearer',
      description: 'An API key, or the token of a meter event session.',
    })
    .addSecurity('basic', {
      type: 'http',
      scheme: 'basic',
      description: 'An API key as the user name, without a password.',
    })
    .addSecurityRequirements('bearer')
    .addSecurityRequirements('basic')
    .build()
  SwaggerModule.setup('docs', app, () => withEncodedForms(SwaggerModule.createDocument(app, description)), {
    customSiteTitle: 'Meterbook API',
  })
}

/** Says of forms how lists and hashes are written in them: in brackets, as Stripe's own description says it. */
function withEncodedForms(document: OpenAPIObject): OpenAPIObject {
  const { schemas = {} } = document.components ?? {}
  for (const { post } of Object.values(document.paths)) {
    const form = post?.requestBody && 'content' in post.requestBody ? post.requestBody.content[FORM] : undefined
    if (!form?.schema || !('$ref' in form.schema)) continue
    const schema = schemas[form.schema.$ref.slice('#/components/schemas/'.length)]
    const properties = schema && 'properties' in schema ? Object.entries(schema.properties ?? {}) : []
    const bracketed = properties.filter(
      ([, property]) => !('type' in property) || property.type === 'array' || property.type === 'object',
    )
    form.encoding = Object.fromEntries(bracketed.map(([name]) => [name, { style: 'deepObject', explode: true }]))
  }
  return document
}
