/**
 * The meter events of a file, line by line, with the number each line has in the file. Memory is bounded by the longest
 * line that is taken, not by the file; a line that cannot be read is reported and the next one is read.
 */
import { isUtf8 } from 'node:buffer'
import { parse } from 'csv-parse/sync'
import { DomainError } from '../domain/errors.js'
import type { JsonValue } from '../domain/json.js'

export type ImportFormat = 'ndjson' | 'csv'

export interface ImportLine {
  /** Of its first line in the file, from 1. */
  readonly line: number
  /** As it stands in the file; the beginning of it where it is longer than what is taken. */
  readonly raw: string
  /** Bytes of the content up to its end. */
  readonly end: number
  readonly event: JsonValue | DomainError
}

/** The file as a whole cannot be read as what it is said to be. */
export class ImportFormatError extends Error {
  override readonly name = 'ImportFormatError'
}

/** Far above the largest event that can count. */
export const LINE_BYTES_MAX = 256 * 1024
/** What is repeated of a line that is longer. */
const LONG_LINE_SHOWN_BYTES = 1024
const NOT_UTF8 = 'The line is not valid UTF-8.'
const NEWLINE = 10
const BYTE_ORDER_MARK = '\uFEFF'

/** Lines in pages, in their order. @throws ImportFormatError */
export function importLines(format: ImportFormat, chunks: AsyncIterable<Buffer>): AsyncIterable<ImportLine[]> {
  return format === 'csv' ? csvLines(chunks) : ndjsonLines(chunks)
}

interface PhysicalLine {
  readonly line: number
  /** Up to the line feed; a carriage return before it is still there, as it may be inside quotes. */
  readonly raw: string
  /** Bytes of the content up to its end, the line feed included. */
  readonly end: number
  readonly problem: DomainError | null
}

async function* ndjsonLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<ImportLine[]> {
  for await (const page of physicalLines(chunks)) {
    const lines: ImportLine[] = []
    for (const { line, raw: ended, end, problem } of page) {
      const raw = withoutReturn(ended)
      if (problem) lines.push({ line, raw, end, event: problem })
      else if (raw.trim() !== '') lines.push({ line, raw, end, event: parseJson(raw) })
    }
    if (lines.length > 0) yield lines
  }
}

function parseJson(raw: string): JsonValue | DomainError {
  try {
    return JSON.parse(raw) as JsonValue
  } catch {
    return new DomainError('parameter_invalid', 'The line is not valid JSON.')
  }
}

/**
 * A record ends at the first line break outside quotes. Quotes in quotes are doubled, so that is where the number of
 * quotes is even. Where that does not lead to a record, only the first line is refused and reading goes on after it: a
 * stray quote cannot swallow what follows.
 */
async function* csvLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<ImportLine[]> {
  let columns: readonly Column[] | null = null
  let waiting: PhysicalLine[] = []
  const read = (isEnd: boolean): ImportLine[] => {
    const { records, rest } = splitRecords(waiting, isEnd)
    waiting = rest
    const [header] = records
    if (!columns && header) {
      columns = readHeader(header)
      records.shift()
    }
    return columns ? readRecords(records, columns) : []
  }
  for await (const page of physicalLines(chunks)) {
    waiting.push(...page)
    const lines = read(false)
    if (lines.length > 0) yield lines
  }
  const lines = read(true)
  if (lines.length > 0) yield lines
}

interface CsvRecord extends PhysicalLine {
  /** Its lines, where they are several. */
  readonly lines: readonly PhysicalLine[]
}

function splitRecords(lines: readonly PhysicalLine[], isEnd: boolean): { records: CsvRecord[]; rest: PhysicalLine[] } {
  const records: CsvRecord[] = []
  for (let first = 0; first < lines.length;) {
    const start = lines[first] as PhysicalLine
    let end = first + 1
    if (start.problem === null && start.raw.trim() === '') {
      first = end
      continue
    }
    let isOpen = start.problem === null && hasOddQuotes(start.raw)
    let length = start.raw.length
    while (isOpen && end < lines.length && length <= LINE_BYTES_MAX) {
      const next = lines[end++] as PhysicalLine
      if (next.problem) break
      // With its line break: blank lines, too, are not waited through for ever.
      length += next.raw.length + 1
      if (hasOddQuotes(next.raw)) isOpen = false
    }
    if (isOpen && !isEnd && end === lines.length && length <= LINE_BYTES_MAX)
      return { records, rest: lines.slice(first) }
    if (isOpen) {
      const problem = new DomainError('parameter_invalid', 'A quote is opened in the line and not closed after it.')
      records.push({ line: start.line, raw: withoutReturn(start.raw), end: start.end, problem, lines: [] })
      first++
    } else {
      const all = lines.slice(first, end)
      const raw = withoutReturn(all.length === 1 ? start.raw : all.map((each) => each.raw).join('\n'))
      const last = all.at(-1) as PhysicalLine
      records.push({
        line: start.line,
        raw,
        end: last.end,
        problem: start.problem,
        lines: all.length === 1 ? [] : all,
      })
      first = end
    }
  }
  return { records, rest: [] }
}

function hasOddQuotes(text: string): boolean {
  let isOdd = false
  for (let at = text.indexOf('"'); at !== -1; at = text.indexOf('"', at + 1)) isOdd = !isOdd
  return isOdd
}

type Cell = string | null
type Column = { readonly field: 'event_name' | 'identifier' | 'timestamp' } | { readonly payloadKey: string }

/** An empty cell is nothing; `""` is the empty text. */
function parseCells(text: string): Cell[][] {
  return parse(text, {
    record_delimiter: '\n',
    relax_column_count: true,
    cast: (value, { quoting }) => (value === '' && !quoting ? null : value),
  })
}

/**
 * A name that is one of these but for its case or blanks around it: taken for a payload key, lines would get made up identifiers
 * and the time of the import, and count once more when the file is imported with the right name.
 */
const RESERVED_COLUMNS: ReadonlySet<string> = new Set(['event_name', 'identifier', 'timestamp', 'record_status'])

function readHeader({ raw, problem }: CsvRecord): Column[] {
  if (problem)
    throw new ImportFormatError(
      `The header row cannot be read: ${problem.message}${problem.message === NOT_UTF8 ? ' Save the file as UTF-8.' : ''}`,
    )
  if (/^\s*\[\s*(\{|$)/.test(raw)) {
    throw new ImportFormatError(
      "It begins with [, as a JSON array does. NDJSON has one event in each line, and nothing around them: jq -c '.[]' makes that of an array.",
    )
  }
  // In quotes it may be part of a payload key.
  if (raw.replace(/"[^"]*"/g, '').includes('\r')) {
    throw new ImportFormatError('The header row has a carriage return in it: lines must end with LF or CR LF.')
  }
  let names: Cell[]
  try {
    names = parseCells(raw)[0] ?? []
  } catch {
    throw new ImportFormatError('The header row is not valid CSV.')
  }
  const columns = names.map((name, index): Column => {
    if (name === null || name.trim() === '') throw new ImportFormatError(`Column ${index + 1} has no name.`)
    if (name === 'event_name' || name === 'identifier' || name === 'timestamp') return { field: name }
    if (name === 'record_status') {
      throw new ImportFormatError(
        'The file has a column record_status: it was exported with cancelled records, which are not imported. Export it without --include-cancelled.',
      )
    }
    const meant = name.trim().toLowerCase()
    if (RESERVED_COLUMNS.has(meant)) {
      throw new ImportFormatError(
        `Column ${index + 1} is called ${JSON.stringify(name)}: write ${meant}, or ${JSON.stringify(`payload.${name}`)} if it is a payload key.`,
      )
    }
    return { payloadKey: name.startsWith('payload.') ? name.slice('payload.'.length) : name }
  })
  const seen = new Set(columns.map((column) => JSON.stringify(column)))
  if (seen.size < columns.length) throw new ImportFormatError('Two columns of the header row mean the same.')
  if (!columns.some((column) => 'field' in column && column.field === 'event_name')) {
    const isOneCell = names.length === 1 && /[;\t]/.test(names[0] ?? '')
    throw new ImportFormatError(
      isOneCell
        ? 'The header row has no column event_name: it is one cell, with semicolons or tabs in it. Save the file with commas between the cells.'
        : 'The header row has no column event_name.',
    )
  }
  return columns
}

/** All at once, which is fast; one by one only where one of them is not valid. */
function readRecords(records: readonly CsvRecord[], columns: readonly Column[]): ImportLine[] {
  if (records.length === 0) return []
  if (records.every(({ problem }) => problem === null)) {
    try {
      const rows = parseCells(records.map(({ raw }) => raw).join('\n'))
      if (rows.length === records.length) {
        return records.map(({ line, raw, end }, index) => ({
          line,
          raw,
          end,
          event: eventOf(rows[index] ?? [], columns),
        }))
      }
    } catch {
      // One of them is the reason; below it is found.
    }
  }
  return records.flatMap((record) => readRecord(record, columns))
}

function readRecord({ line, raw, end, problem, lines }: CsvRecord, columns: readonly Column[]): ImportLine[] {
  if (problem) return [{ line, raw, end, event: problem }]
  try {
    const [cells = []] = parseCells(raw)
    return [{ line, raw, end, event: eventOf(cells, columns) }]
  } catch {
    const invalid = new DomainError('parameter_invalid', 'The line is not valid CSV: a quote is not where one can be.')
    const [first, ...rest] = lines
    if (!first) return [{ line, raw, end, event: invalid }]
    return [
      { line, raw: withoutReturn(first.raw), end: first.end, event: invalid },
      ...splitRecords(rest, true).records.flatMap((record) => readRecord(record, columns)),
    ]
  }
}

function eventOf(cells: readonly Cell[], columns: readonly Column[]): JsonValue | DomainError {
  if (cells.length !== columns.length) {
    return new DomainError(
      'parameter_invalid',
      `The line has ${cells.length} cells; the header row has ${columns.length} columns.`,
    )
  }
  // Without a prototype, so that a key such as `__proto__` is a key like any other.
  const payload = Object.create(null) as Record<string, string>
  const event: Record<string, JsonValue> = { payload }
  for (const [index, column] of columns.entries()) {
    const cell = cells[index] ?? null
    if ('payloadKey' in column) {
      if (cell !== null) payload[column.payloadKey] = cell
    } else if (cell !== null && cell !== '') event[column.field] = cell
  }
  return event
}

function withoutReturn(raw: string): string {
  return raw.endsWith('\r') ? raw.slice(0, -1) : raw
}

async function* physicalLines(chunks: AsyncIterable<Buffer>): AsyncGenerator<PhysicalLine[]> {
  let pieces: Buffer[] = []
  let bytes = 0
  let number = 0
  /** Of all chunks before. */
  let before = 0
  const finish = (end: number): PhysicalLine => {
    const line = physicalLine(++number, pieces, { bytes, end })
    pieces = []
    bytes = 0
    return line
  }
  for await (const chunk of chunks) {
    const page: PhysicalLine[] = []
    let from = 0
    for (let end = chunk.indexOf(NEWLINE); end !== -1; end = chunk.indexOf(NEWLINE, from)) {
      const piece = chunk.subarray(from, end)
      if (bytes <= LINE_BYTES_MAX) pieces.push(piece)
      bytes += piece.length
      from = end + 1
      page.push(finish(before + from))
    }
    const piece = chunk.subarray(from)
    // Of a line without an end, what is beyond the limit is let go.
    if (bytes <= LINE_BYTES_MAX && piece.length > 0) pieces.push(piece)
    bytes += piece.length
    before += chunk.length
    if (page.length > 0) yield page
  }
  if (bytes > 0) yield [finish(before)]
}

function physicalLine(
  line: number,
  pieces: readonly Buffer[],
  { bytes, end }: { readonly bytes: number; readonly end: number },
): PhysicalLine {
  const [only] = pieces
  const content = pieces.length === 1 && only ? only : Buffer.concat(pieces)
  if (bytes > LINE_BYTES_MAX) {
    const raw = content.toString('utf8', 0, LONG_LINE_SHOWN_BYTES)
    const problem = new DomainError('parameter_too_long', `A line has at most ${LINE_BYTES_MAX} bytes.`)
    return { line, raw, end, problem }
  }
  let raw = content.toString('utf8')
  if (line === 1 && raw.startsWith(BYTE_ORDER_MARK)) raw = raw.slice(1)
  const problem = isUtf8(content) ? null : new DomainError('parameter_invalid', NOT_UTF8)
  return { line, raw, end, problem }
}
