/**
 * Which body belongs to which part of the API: forms to `/v1`, JSON to `/v2`, either elsewhere. The other kind is refused
 * rather than read, since the same words would mean other values.
 */
import { ApiError } from './api-error.js'
import { parseForm } from './form.js'
import { inTurn } from '../../turns.js'
import { parseJsonBody } from './json-body.js'
import { quote } from './wire-text.js'

const FORM = 'application/x-www-form-urlencoded'
const JSON_TYPE = 'application/json'
const CHUNKED = 'chunked'

/** The part of a Fastify request that is used. */
interface Request {
  readonly url?: string
  sentJson?: Uint8Array
  readonly hasArrived?: (bytes: number) => void
  readonly headers: {
    readonly 'content-encoding'?: string | undefined
    readonly 'content-type'?: string | undefined
    readonly 'transfer-encoding'?: string | undefined
  }
}

declare module 'fastify' {
  interface FastifyRequest {
    /** The body as it came, where it is JSON. */
    sentJson?: Uint8Array
  }
}

type Parser = (request: Request, body: Buffer, done: (error: Error | null, body?: unknown) => void) => void

/** The part of a Fastify server that is used. */
interface Server {
  removeAllContentTypeParsers(): void
  addContentTypeParser(type: string, options: { parseAs: 'buffer' }, parser: Parser): unknown
}

/** To be called before the server is ready; takes the place of every parser it has. */
export function useBodyParsers(server: Server): void {
  server.removeAllContentTypeParsers()
  server.addContentTypeParser(FORM, { parseAs: 'buffer' }, parser(parseForm, '/v2/', JSON_TYPE))
  server.addContentTypeParser(JSON_TYPE, { parseAs: 'buffer' }, parser(parseJsonBody, '/v1/', FORM))
}

/** A longer body holds many events, and is worked off in turn. */
const SHORT_BODY_BYTES = 4096

function parser(parse: (body: Buffer) => object, refusedPath: string, expectedType: string): Parser {
  const read: Parser = (request, body, done) => {
    let parsed: object
    try {
      refuseEncoded(request)
      refuseOtherCharsets(request)
      if (body.length > 0 && request.url?.startsWith(refusedPath)) {
        throw new ApiError({
          status: 415,
          type: 'invalid_request_error',
          code: 'content_type_invalid',
          message: `Invalid request (check that your POST content type is ${expectedType}).`,
        })
      }
      parsed = parse(body)
    } catch (error) {
      return done(error as Error)
    }
    if (parse === parseJsonBody) request.sentJson = body
    done(null, parsed)
  }
  return (request, body, done) => {
    request.hasArrived?.(body.length)
    if (body.length <= SHORT_BODY_BYTES) read(request, body, done)
    else inTurn(() => read(request, body, done))
  }
}

/** @throws ApiError 415 for a body that is compressed, by itself or on its way. */
function refuseEncoded({ headers }: Request): void {
  const { 'content-encoding': encoding = 'identity', 'transfer-encoding': transfer = CHUNKED } = headers
  if (transfer.toLowerCase() !== CHUNKED) throw encoded('Transfer-Encoding', transfer)
  if (encoding.toLowerCase() !== 'identity') throw encoded('Content-Encoding', encoding)
}

/** Of ASCII every text is UTF-8. */
const UTF_8 = /^"?(?:utf-?8|us-ascii)"?$/i
const CHARSET = /;\s*charset=([^;]*)/i

/** @throws ApiError 415 for a text that says it is none in UTF-8: read as such, it would be another one. */
function refuseOtherCharsets({ headers }: Request): void {
  const { 'content-type': type = '' } = headers
  if (!type.includes(';')) return
  const charset = CHARSET.exec(type)?.[1]?.trim() ?? 'utf-8'
  if (!UTF_8.test(charset)) throw unreadable(`charset ${quote(charset)}. Send it in UTF-8.`)
}

function encoded(header: string, encoding: string): ApiError {
  return unreadable(`${header} ${quote(encoding)}. Send it unencoded.`, { 'accept-encoding': 'identity' })
}

function unreadable(problem: string, headers: Readonly<Record<string, string>> = {}): ApiError {
  return new ApiError({
    status: 415,
    type: 'invalid_request_error',
    code: 'content_type_invalid',
    message: `Invalid request: the body has the ${problem}`,
    headers,
  })
}
