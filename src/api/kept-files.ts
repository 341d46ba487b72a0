/**
 * Files the service sends to browsers, kept in memory: a request never reaches the disk, holds no handle of a file, and costs
 * no more than the bytes on their way. Each has the security policy, and an entity tag by which a browser asks whether its
 * copy still holds.
 */
import type { FastifyInstance } from 'fastify'
import { createHash } from 'node:crypto'
import { gzipSync } from 'node:zlib'

/** Nothing is loaded from, sent to or framed by any other host, and no code or style is written in the page. */
export const CONTENT_SECURITY_POLICY = [
  "default-src 'none'",
  "script-src 'self'",
  "style-src 'self'",
  "img-src 'self' data:",
  "connect-src 'self'",
  "font-src 'self'",
  "form-action 'self'",
  "frame-ancestors 'none'",
  "base-uri 'none'",
].join('; ')

export const ASKED_FOR_EACH_TIME = 'no-cache'

export interface KeptFile {
  readonly contentType: string
  readonly cacheControl: string
  /** Called when the file is asked for first, and again where that failed. */
  readonly content: () => Buffer | Promise<Buffer>
}

/** To be called before the server is ready. */
export function serveKept(
  server: FastifyInstance,
  path: string,
  { contentType, cacheControl, content }: KeptFile,
): void {
  let kept: Promise<Kept> | null = null
  server.get(path, async (request, reply) => {
    kept ??= keep(content)
    const { plain, zipped } = await kept.catch((error: unknown) => {
      kept = null
      throw error
    })
    const { 'accept-encoding': encodings, 'if-none-match': known } = request.headers
    const isZipped = takesGzip(String(encodings ?? ''))
    const { bytes, etag } = isZipped ? zipped : plain
    reply.headers({
      'cache-control': cacheControl,
      'content-security-policy': CONTENT_SECURITY_POLICY,
      'content-type': contentType,
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
      vary: 'accept-encoding',
      etag,
    })
    if (isKnown(etag, known ?? '')) return reply.code(304).send()
    if (isZipped) reply.header('content-encoding', 'gzip')
    return reply.send(bytes)
  })
}

interface Kept {
  readonly plain: Encoded
  readonly zipped: Encoded
}

/** Each has a tag of its own: their bytes differ. */
interface Encoded {
  readonly bytes: Buffer
  readonly etag: string
}

async function keep(content: KeptFile['content']): Promise<Kept> {
  const plain = await content()
  const hash = createHash('sha256').update(plain).digest('base64url')
  return {
    plain: { bytes: plain, etag: `"${hash}"` },
    zipped: { bytes: gzipSync(plain), etag: `"${hash}-gzip"` },
  }
}

const GZIP = /^(?:x-)?gzip$/i
const NOT_TAKEN = /^q=0(?:\.0*)?$/i

/** By the header `Accept-Encoding`: a list of names, or `*` for any other, each with how well it is liked; 0 is not at all. */
function takesGzip(header: string): boolean {
  const encodings = header.split(',').map((each) => each.split(';').map((part) => part.trim()))
  const found = encodings.find(([name = '']) => GZIP.test(name)) ?? encodings.find(([name]) => name === '*')
  return found !== undefined && !found.slice(1).some((parameter) => NOT_TAKEN.test(parameter))
}

/** By the header `If-None-Match`. A proxy that compresses what it passes on makes `W/"…"` of a tag: the text is the same. */
function isKnown(etag: string, header: string): boolean {
  return header.split(',').some((each) => ['*', etag, `W/${etag}`].includes(each.trim()))
}
