/**
 * The OpenAPI description: for people at `/docs`, in Swagger UI, and as JSON at `/docs-json`. What it says of parameters is
 * said at each of them. Anyone may read it, so it is made once, and all of it is served from memory.
 */
import type { NestFastifyApplication } from '@nestjs/platform-fastify'
import type { OpenAPIObject } from '@nestjs/swagger'
import type { FastifyInstance } from 'fastify'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { loadSwagger } from './api-decorators.js'
import { SESSION_TOKEN } from './describe.js'
import { withAnswers } from './described-answers.js'
import { ASKED_FOR_EACH_TIME, serveKept, type KeptFile } from './kept-files.js'

const FORM = 'application/x-www-form-urlencoded'

const SCRIPT_TYPE = 'text/javascript; charset=utf-8'
/** Of Swagger UI's files, the ones the page loads. */
const swaggerFiles: Readonly<Record<string, string>> = {
  'favicon-32x32.png': 'image/png',
  'swagger-ui.css': 'text/css; charset=utf-8',
  'swagger-ui-bundle.js': SCRIPT_TYPE,
}

/**
 * Code and style are in files of their own, as the security policy wants it. They are named as seen from the page, which a proxy
 * may have put under a path of its own.
 */
const pageOf = (files: string): string => `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <title>Meterbook API</title>
    <link rel="icon" type="image/png" href="${files}favicon-32x32.png">
    <link rel="stylesheet" href="${files}swagger-ui.css">
  </head>
  <body>
    <div id="swagger-ui"></div>
    <script src="${files}swagger-ui-bundle.js"></script>
    <script src="${files}start.js"></script>
  </body>
</html>
`
const pages: Readonly<Record<string, string>> = { '/docs': pageOf('docs/'), '/docs/': pageOf('') }
const START = `const url = new URL('../docs-json', document.currentScript.src).href
SwaggerUIBundle({ url, dom_id: '#swagger-ui', deepLinking: true })
`

/** To be called before the server is ready. */
export function describeApi(app: NestFastifyApplication, server: FastifyInstance, version: string): void {
  const serve = (path: string, contentType: string, content: KeptFile['content']): void =>
    serveKept(server, path, { contentType, cacheControl: ASKED_FOR_EACH_TIME, content })

  const json = async (): Promise<Buffer> => Buffer.from(JSON.stringify(await describe(app, version)))
  serve('/docs-json', 'application/json; charset=utf-8', json)
  // All JSON is YAML.
  serve('/docs-yaml', 'text/yaml; charset=utf-8', json)
  for (const [path, page] of Object.entries(pages)) serve(path, 'text/html; charset=utf-8', () => Buffer.from(page))
  serve('/docs/start.js', SCRIPT_TYPE, () => Buffer.from(START))
  const { resolve } = createRequire(import.meta.url)
  for (const [name, contentType] of Object.entries(swaggerFiles)) {
    const content = readFileSync(resolve(`swagger-ui-dist/${name}`))
    serve(`/docs/${name}`, contentType, () => content)
  }
}

async function describe(app: NestFastifyApplication, version: string): Promise<OpenAPIObject> {
  const { DocumentBuilder, SwaggerModule } = await loadSwagger()
  const description = new DocumentBuilder()
    .setTitle('Meterbook')
    .setDescription(
      "Self-hosted usage metering with Stripe's Billing Meters API. The official Stripe SDKs work against it unchanged.",
    )
    .setVersion(version)
    // Seen from where this description is.
    .addServer('.')
    .addSecurity('bearer', {
      type: 'http',
      scheme: 'bearer',
      description: 'An API key.',
    })
    .addSecurity('basic', {
      type: 'http',
      scheme: 'basic',
      description: 'An API key as the user name, without a password.',
    })
    .addSecurity(SESSION_TOKEN, {
      type: 'http',
      scheme: 'bearer',
      description: 'The authentication_token of a meter event session.',
    })
    .addSecurityRequirements('bearer')
    .addSecurityRequirements('basic')
    .build()
  return withAnswers(withEncodedForms(SwaggerModule.createDocument(app, description)))
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
