/** What is imported: a file or standard input, unpacked if it is gzip, and told by its name or its beginning what it holds. */
import { createHash } from 'node:crypto'
import { createReadStream, statSync } from 'node:fs'
import { pipeline, Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import type { ImportFormat } from './import-lines.js'

/** Stands for standard input. */
export const STANDARD_INPUT = '-'

export interface ImportSource {
  readonly format: ImportFormat
  /** Unpacked. */
  readonly content: AsyncIterable<Buffer>
  /** Of the file as it is stored; null where it is not known. */
  readonly size: number | null
  /** How much of `size` has been read. */
  bytesRead(): number
}

const CHUNK_BYTES = 64 * 1024
const EXTENSIONS: readonly (readonly [RegExp, ImportFormat])[] = [
  [/\.(ndjson|jsonl)(\.gz)?$/i, 'ndjson'],
  [/\.csv(\.gz)?$/i, 'csv'],
]

export async function openImportSource(file: string, format: ImportFormat | null): Promise<ImportSource> {
  let read = 0
  const content = await unpacked(file, (bytes) => {
    read += bytes
  })
  const told = format ?? EXTENSIONS.find(([extension]) => extension.test(file))?.[1] ?? null
  const [head, all] = await peek(content, (bytes) => bytes.toString('utf8').trim() !== '')
  const stat = file === STANDARD_INPUT ? null : statSync(file)
  return {
    format: told ?? formatOf(head),
    content: all,
    size: stat?.isFile() ? stat.size : null,
    bytesRead: () => read,
  }
}

/** SHA-256 of the content, unpacked: the same for a file and its gzip. */
export async function contentHash(file: string): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of await unpacked(file, () => undefined)) hash.update(chunk)
  return hash.digest('hex')
}

/** JSON lines begin with a brace; no CSV header does. */
function formatOf(head: Buffer): ImportFormat {
  return /^\uFEFF?\s*\{/.test(head.toString('utf8')) ? 'ndjson' : 'csv'
}

async function unpacked(file: string, onRead: (bytes: number) => void): Promise<AsyncIterable<Buffer>> {
  const stored = file === STANDARD_INPUT ? process.stdin : createReadStream(file, { highWaterMark: CHUNK_BYTES })
  const [head, all] = await peek(counted(stored, onRead), ({ length }) => length >= 2)
  if (head[0] !== 0x1f || head[1] !== 0x8b) return all
  // An error on the way destroys the last stream with it, so whoever reads it sees it.
  return pipeline(Readable.from(all), createGunzip({ chunkSize: CHUNK_BYTES }), () => undefined)
}

async function* counted(stream: AsyncIterable<unknown>, onRead: (bytes: number) => void): AsyncGenerator<Buffer> {
  for await (const chunk of stream) {
    const bytes = chunk as Buffer
    onRead(bytes.length)
    yield bytes
  }
}

/** The beginning, as much of it as is enough, and everything from the beginning on. */
async function peek(
  chunks: AsyncIterable<Buffer>,
  isEnough: (head: Buffer) => boolean,
): Promise<[Buffer, AsyncIterable<Buffer>]> {
  const iterator = chunks[Symbol.asyncIterator]()
  let head = Buffer.alloc(0)
  while (!isEnough(head) && head.length < CHUNK_BYTES) {
    const next = await iterator.next()
    if (next.done) break
    head = Buffer.concat([head, next.value])
  }
  const all = async function* (): AsyncGenerator<Buffer> {
    try {
      if (head.length > 0) yield head
      for (let next = await iterator.next(); !next.done; next = await iterator.next()) yield next.value
    } finally {
      // Whoever stops early lets go of the input: an open standard input would keep the process alive.
      await iterator.return?.()
    }
  }
  return [head, all()]
}
