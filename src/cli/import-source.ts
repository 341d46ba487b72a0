/** What is imported: a file or standard input, unpacked if it is gzip, and told by its name or its beginning what it holds. */
import { createHash } from 'node:crypto'
import { closeSync, createReadStream, openSync, readSync, statSync } from 'node:fs'
import { addAbortSignal, pipeline, Readable } from 'node:stream'
import { createGunzip } from 'node:zlib'
import { ImportFormatError, type ImportFormat } from './import-lines.js'

/** Stands for standard input. */
export const STANDARD_INPUT = '-'
/** What leads to it by its descriptor, and so to the file that a shell reads it from. */
export const STANDARD_INPUT_PATH = '/dev/stdin'

export interface ImportSource {
  readonly format: ImportFormat
  /** Unpacked. */
  readonly content: AsyncIterable<Buffer>
  /** Bytes of the content; null where that is not known. */
  readonly size: number | null
}

/** Standard input under any name, a pipe, a device: what it gives is gone once it was read, so it has no content to go by. */
export function isReadOnce(file: string): boolean {
  return file === STANDARD_INPUT || !statSync(file).isFile()
}

const CHUNK_BYTES = 64 * 1024
const EXTENSIONS: readonly (readonly [RegExp, ImportFormat])[] = [
  [/\.(ndjson|jsonl)(\.gz)?$/i, 'ndjson'],
  [/\.csv(\.gz)?$/i, 'csv'],
]

/** `signal` ends its reading, also of what may never come. @throws Error where it is a gzip that is damaged. */
export async function openImportSource(
  file: string,
  format: ImportFormat | null,
  signal: AbortSignal,
): Promise<ImportSource> {
  const stored = isReadOnce(file) ? null : statSync(file).size
  const isPacked = stored !== null && isGzip(beginningOf(file))
  const size = isPacked ? await unpackedSize(file, signal) : stored
  const content = await unpacked(file, signal)
  const told = format ?? EXTENSIONS.find(([extension]) => extension.test(file))?.[1] ?? null
  const [head, all] = await peek(content, (bytes) => bytes.toString('utf8').trim() !== '')
  if (isUtf16(head)) throw new ImportFormatError(`${nameOf(file)} is UTF-16. Save it as UTF-8.`)
  return { format: told ?? formatOf(head), content: all, size }
}

/** SHA-256 of the content, unpacked: the same for a file and its gzip. Not of what is read once: it would take lines away. */
export async function contentHash(file: string, signal: AbortSignal): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of await unpacked(file, signal)) hash.update(chunk)
  return hash.digest('hex')
}

/** JSON lines begin with a brace; no CSV header does. */
function formatOf(head: Buffer): ImportFormat {
  return /^\uFEFF?\s*\{/.test(head.toString('utf8')) ? 'ndjson' : 'csv'
}

async function unpacked(file: string, signal: AbortSignal): Promise<AsyncIterable<Buffer>> {
  const stored = file === STANDARD_INPUT ? process.stdin : createReadStream(file, { highWaterMark: CHUNK_BYTES })
  addAbortSignal(signal, stored)
  const [head, all] = await peek(stored, ({ length }) => length >= 2)
  if (!isGzip(head)) return all
  // An error on the way destroys the last stream with it, so whoever reads it sees it.
  return explained(
    pipeline(Readable.from(all), createGunzip({ chunkSize: CHUNK_BYTES }), () => undefined),
    file,
  )
}

async function* explained(content: AsyncIterable<Buffer>, file: string): AsyncGenerator<Buffer> {
  try {
    yield* content
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException
    const problem =
      code === 'Z_BUF_ERROR'
        ? `${nameOf(file)} is cut off (${message}): its end is missing. Get all of it, and import that.`
        : code === 'Z_DATA_ERROR'
          ? `${nameOf(file)} is damaged: it cannot be unpacked to what was packed (${message}).${isReadOnce(file) ? ' Lines of it that were counted may be others than were packed.' : ''}`
          : null
    throw problem === null ? error : Object.assign(new Error(problem, { cause: error }), { code })
  }
}

function nameOf(file: string): string {
  return file === STANDARD_INPUT ? 'Standard input' : file
}

/** By its byte order mark, as spreadsheets and PowerShell write it. Every line would be refused for a reason of its own. */
function isUtf16([first, second]: Buffer): boolean {
  return (first === 0xff && second === 0xfe) || (first === 0xfe && second === 0xff)
}

function isGzip([first, second]: Buffer): boolean {
  return first === 0x1f && second === 0x8b
}

function beginningOf(file: string): Buffer {
  const beginning = Buffer.alloc(2)
  const descriptor = openSync(file, 'r')
  try {
    readSync(descriptor, beginning)
  } finally {
    closeSync(descriptor)
  }
  return beginning
}

/**
 * A damaged gzip unpacks to other lines than were packed, with other identifiers and values, and only its checksum tells, at the
 * end: when they would have counted. What one that is cut off has is what was packed; its end is missed where it is.
 *
 * Answers how many bytes there are. @throws where it is damaged.
 */
async function unpackedSize(file: string, signal: AbortSignal): Promise<number> {
  let size = 0
  try {
    for await (const { length } of await unpacked(file, signal)) size += length
    return size
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'Z_DATA_ERROR') return size
    throw new Error(`${(error as Error).message} Nothing of it was counted.`, { cause: error })
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
