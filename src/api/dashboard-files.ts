/**
 * The dashboard's files: at `/` the page, under `/assets/` what it loads. They are few and small, so they are read once, at
 * the start, and kept.
 *
 * Assets have a hash of their content in their names and are kept by browsers for a year; the page is asked for each time.
 */
import type { FastifyInstance } from 'fastify'
import { readdirSync, readFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import { ASKED_FOR_EACH_TIME, serveKept } from './kept-files.js'

const PAGE = 'index.html'
const ONE_YEAR_SECONDS = 365 * 24 * 60 * 60

const contentTypes: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
}

/** To be called before the server is ready. */
export function serveDashboard(server: FastifyInstance, folder: string): void {
  for (const name of readdirSync(folder, { recursive: true, encoding: 'utf8' })) {
    const contentType = contentTypes[extname(name)]
    if (contentType === undefined) continue
    const content = readFileSync(join(folder, name))
    serveKept(server, name === PAGE ? '/' : `/${name.replaceAll('\\', '/')}`, {
      contentType,
      cacheControl: name === PAGE ? ASKED_FOR_EACH_TIME : `public, max-age=${ONE_YEAR_SECONDS}, immutable`,
      content: () => content,
    })
  }
}
