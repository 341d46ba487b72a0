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
  /** Called once, when the file is asked for first. */
  readonly content: () => Buffer
}

/** To be called before the server is ready. */
export function serveKept(
  server: FastifyInstance,
  path: string,
  { contentType, cacheControl, content }: KeptFile,
): void {
  let kept: Kept | null = null
  server.get(path, (request, reply) => {
    kept ??= keep(content())
    const { 'accept-encoding': encodings = '', 'if-none-match': known } = request.headers
    reply.headers({
      'cache-control': cacheControl,
      'content-security-policy': CONTENT_SECURITY_POLICY,
      'content-type': contentType,
      'referrer-policy': 'no-referrer',
      'x-content-type-options': 'nosniff',
      vary: 'accept-encoding',
      etag: kept.etag,
    })
    if (known === kept.etag) return reply.code(304).send()
    if (!/\bgzip\b/.test(String(encodings))) return reply.send(kept.plain)
    return reply.header('content-encoding', 'gzip').send(kept.zipped)
  })
}

interface Kept {
  readonly plain: Buffer
  readonly zipped: Buffer
  readonly etag: string
}

function keep(plain: Buffer): Kept {
  const etag = `"${createHash('sha256').update(plain).digest('base64url')}"`
  return { plain, zipped: gzipSync(plain), etag }
}
