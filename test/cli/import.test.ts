import { afterEach, beforeEach, describe, expect, it, jest } from '@jest/globals'
import { execFileSync, spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import {
  closeSync,
  existsSync,
  linkSync,
  mkdirSync,
  mkdtempSync,
  openSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { DAY_MS } from '../../src/domain/time-bucket.js'
import { MAIN, makeStore, meterbook, start, type Ended } from './command-line.js'

// Each test starts several processes.
jest.setTimeout(120_000)

/** More than the rows may be behind what is imported. */
const MANY_LINES = 25_000
/** More than are under way at once. */
const UNDER_WAY_LINES = 5_000
/** Of three threads with a database each. It does not grow with the file, but for garbage that V8 leaves lying. */
const MEMORY_MAX_BYTES = 512 * 1024 * 1024

let folder: string
let dataDir: string

beforeEach(async () => {
  folder = mkdtempSync(join(tmpdir(), 'meterbook-'))
  dataDir = join(folder, 'data')
  await makeStore(dataDir, [
    { eventName: 'tokens' },
    { eventName: 'seats', formula: 'last' },
    { eventName: 'gauge', eventTimeWindow: 'hour' },
  ])
})

afterEach(() => rmSync(folder, { recursive: true }))

interface Line {
  readonly event_name?: string
  readonly identifier?: string | null
  readonly timestamp?: string | number
  readonly payload?: Record<string, unknown>
}

const payload = { stripe_customer_id: 'cus_A', value: '1' }
const ndjson = (lines: readonly Line[]): string => lines.map((line) => `${JSON.stringify(line)}\n`).join('')
const many = (count: number): string =>
  ndjson(Array.from({ length: count }, (_, n) => ({ event_name: 'tokens', identifier: `many-${n}`, payload })))

function file(name: string, content: string | Buffer): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

const importFile = (path: string, ...options: string[]): Promise<Ended> =>
  meterbook(['import', path, '--data-dir', dataDir, '--json', ...options])

function summary({ stdout }: Ended): Record<string, unknown> {
  return JSON.parse(stdout) as Record<string, unknown>
}

async function exported(...options: string[]): Promise<Record<string, unknown>[]> {
  const { code, stdout } = await meterbook(['export', '--data-dir', dataDir, '--quiet', ...options])
  expect(code).toBe(0)
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
}

function rejects(path: string): Record<string, unknown>[] {
  return readFileSync(path, 'utf8')
    .trimEnd()
    .split('\n')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
}

describe('Importing NDJSON', () => {
  it('counts each line, at the time it says', async () => {
    const instant = Math.floor(Date.now() / 1000) * 1000 - DAY_MS
    const ended = await importFile(
      file(
        'usage.ndjson',
        ndjson([
          { event_name: 'tokens', identifier: 'text', timestamp: new Date(instant + 7).toISOString(), payload },
          { event_name: 'tokens', identifier: 'seconds', timestamp: instant / 1000, payload },
        ]),
      ),
    )
    expect(ended.code).toBe(0)
    expect(summary(ended)).toMatchObject({ lines: 2, counted: 2, duplicates: 0, rejected: 0, stopped: null })
    const records = await exported()
    expect(new Map(records.map(({ identifier, timestamp }) => [identifier, timestamp]))).toEqual(
      new Map([
        ['text', new Date(instant + 7).toISOString()],
        ['seconds', new Date(instant).toISOString()],
      ]),
    )
  })

  it('counts a file once, however often it is imported, with or without identifiers', async () => {
    const content = ndjson([
      { event_name: 'tokens', identifier: 'own', payload },
      { event_name: 'tokens', payload },
      { event_name: 'tokens', payload },
    ])
    expect(summary(await importFile(file('first.ndjson', content)))).toMatchObject({ counted: 3 })
    // The same content under another name, and packed, is the same file.
    const again = await importFile(file('second.ndjson.gz', gzipSync(content)))
    expect(again.code).toBe(0)
    expect(summary(again)).toMatchObject({ counted: 0, duplicates: 3 })
    expect(await exported()).toHaveLength(3)
  })

  it('counts only what was added to a file that grows, if its source has a name', async () => {
    const lines: Line[] = [{ event_name: 'tokens', identifier: null, payload }]
    const path = file('growing.ndjson', ndjson(lines))
    expect(summary(await importFile(path, '--source', 'growing'))).toMatchObject({ counted: 1 })
    writeFileSync(path, ndjson([...lines, ...lines]))
    expect(summary(await importFile(path, '--source', 'growing'))).toMatchObject({ counted: 1, duplicates: 1 })
  })

  it('writes refused lines beside the file, with their number, reason and text, and counts the others', async () => {
    const old = new Date(Date.now() - 36 * DAY_MS).toISOString()
    const future = new Date(Date.now() + DAY_MS).toISOString()
    const bad = [
      '{"event_name": "tokens", broken',
      JSON.stringify({ event_name: 'nothing', payload }),
      JSON.stringify({ event_name: 'tokens', payload: { ...payload, value: 'many' } }),
      JSON.stringify({ event_name: 'tokens', payload: { value: '1' } }),
      JSON.stringify({ event_name: 'tokens', payload: { ...payload, value: 1 } }),
      JSON.stringify({ event_name: 'tokens', payload, timestamp: old }),
      JSON.stringify({ event_name: 'tokens', payload, timestamp: future }),
      JSON.stringify({ event_name: 'tokens', payload, timestamp: 'yesterday' }),
      JSON.stringify({ event_name: 'tokens', payload: { ...payload, note: '\ud800' } }),
      JSON.stringify({ event_name: 'tokens', identifier: 'taken', payload: { ...payload, value: '2' } }),
    ]
    const good = JSON.stringify({ event_name: 'tokens', identifier: 'taken', payload })
    const path = file('mixed.ndjson', [good, '', ...bad, good].join('\r\n'))
    const ended = await importFile(path)
    expect(ended.code).toBe(1)
    expect(summary(ended)).toMatchObject({ lines: 12, counted: 1, duplicates: 1, rejected: 10 })
    const refused = rejects(`${path}.rejected.ndjson`)
    expect(refused.map(({ line, code }) => [line, code])).toEqual([
      [3, 'parameter_invalid'],
      [4, 'no_meter'],
      [5, 'meter_event_invalid_value'],
      [6, 'meter_event_no_customer_defined'],
      [7, 'parameter_invalid'],
      [8, 'timestamp_too_far_in_past'],
      [9, 'timestamp_in_future'],
      [10, 'parameter_invalid'],
      [11, 'parameter_invalid'],
      [12, 'duplicate_meter_event'],
    ])
    expect(refused.map(({ raw }) => raw)).toEqual(bad)
    expect(refused.every(({ message }) => typeof message === 'string' && message !== '')).toBe(true)
  })

  it('refuses a line that is not UTF-8, or longer than what is read of one, and goes on', async () => {
    const good = (identifier: string) => Buffer.from(ndjson([{ event_name: 'tokens', identifier, payload }]))
    const invalid = Buffer.concat([Buffer.from('{"event_name":"'), Buffer.from([0xff]), Buffer.from('"}\n')])
    const long = Buffer.from(`{"event_name":"${'x'.repeat(1_000_000)}"}\n`)
    const path = file('bytes.ndjson', Buffer.concat([good('one'), invalid, long, good('two')]))
    expect(summary(await importFile(path))).toMatchObject({ counted: 2, rejected: 2 })
    const refused = rejects(`${path}.rejected.ndjson`)
    expect(refused.map(({ line, code }) => [line, code])).toEqual([
      [2, 'parameter_invalid'],
      [3, 'parameter_too_long'],
    ])
    expect((refused[1]!.raw as string).length).toBeLessThan(2_000)
  })

  it('takes away the refused lines of an earlier run once there are none', async () => {
    const path = file('mended.ndjson', ndjson([{ event_name: 'nothing', payload }]))
    expect((await importFile(path)).code).toBe(1)
    writeFileSync(path, ndjson([{ event_name: 'tokens', payload }]))
    expect((await importFile(path)).code).toBe(0)
    expect(existsSync(`${path}.rejected.ndjson`)).toBe(false)
  })

  it('keeps the order of the file where it decides a number', async () => {
    const hour = Math.floor((Date.now() - DAY_MS) / 3_600_000) * 3600
    const lines = Array.from({ length: 300 }, (_, n) => ({
      event_name: n % 2 === 0 ? 'gauge' : 'seats',
      identifier: `ordered-${n}`,
      timestamp: hour,
      payload: { ...payload, value: String(n) },
    }))
    expect((await importFile(file('ordered.ndjson', ndjson(lines)))).code).toBe(0)
    for (const name of ['gauge', 'seats']) {
      const identifiers = (await exported('--event-name', name)).map(({ identifier }) => identifier)
      expect(identifiers).toEqual(lines.filter((line) => line.event_name === name).map((line) => line.identifier))
    }
  })

  it('takes history with --backfill, but not the future and nothing before 1970', async () => {
    const path = file(
      'history.ndjson',
      ndjson([
        { event_name: 'tokens', identifier: 'old', timestamp: '2019-05-04T03:02:01.987Z', payload },
        { event_name: 'tokens', identifier: 'ancient', timestamp: -1, payload },
        { event_name: 'tokens', identifier: 'future', timestamp: '2999-01-01T00:00:00Z', payload },
      ]),
    )
    expect(summary(await importFile(path))).toMatchObject({ counted: 0, rejected: 3 })
    expect(summary(await importFile(path, '--backfill'))).toMatchObject({ counted: 1, rejected: 2 })
    expect(await exported()).toEqual([
      { event_name: 'tokens', identifier: 'old', timestamp: '2019-05-04T03:02:01.987Z', payload },
    ])
  })
})

describe('Importing CSV', () => {
  it('reads payload keys from columns, empty cells as nothing, quoted ones as they are', async () => {
    const path = file(
      'usage.csv',
      [
        '\uFEFFidentifier,event_name,stripe_customer_id,payload.value,payload.identifier,note',
        'a,tokens,cus_A,1,,',
        'b,tokens,cus_B,2.50,inner,"two\r\nlines, ""quoted"""',
        '',
        'c,tokens,cus_C,3,"",plain',
        '"",tokens,cus_D,4,,',
      ].join('\r\n'),
    )
    expect(summary(await importFile(path))).toMatchObject({ lines: 4, counted: 4 })
    const records = await exported()
    // Only of a payload an empty text is one.
    expect(records.filter(({ identifier }) => String(identifier).length > 1)).toMatchObject([
      { payload: { stripe_customer_id: 'cus_D', value: '4' } },
    ])
    const named = records.filter(({ identifier }) => String(identifier).length === 1)
    expect(new Map(named.map(({ identifier, payload }) => [identifier, payload]))).toEqual(
      new Map([
        ['a', { stripe_customer_id: 'cus_A', value: '1' }],
        ['b', { stripe_customer_id: 'cus_B', value: '2.50', identifier: 'inner', note: 'two\r\nlines, "quoted"' }],
        ['c', { stripe_customer_id: 'cus_C', value: '3', identifier: '', note: 'plain' }],
      ]),
    )
  })

  it('refuses a line whose quotes or cells do not fit, by its number, and reads the lines after it', async () => {
    const path = file(
      'bad.csv',
      [
        'event_name,identifier,stripe_customer_id,value',
        'tokens,a,"cus\nA",1',
        'tokens,b,5" pipe,1',
        'tokens,c,cus_A,1',
        'tokens,d,cus_A',
        'tokens,e,cus_A,1',
        'tokens,f,"never closed,1',
        'tokens,g,cus_A,1',
        '',
      ].join('\n'),
    )
    const ended = await importFile(path)
    expect(ended.code).toBe(1)
    expect(rejects(`${path}.rejected.ndjson`).map(({ line, code, raw }) => [line, code, raw])).toEqual([
      [4, 'parameter_invalid', 'tokens,b,5" pipe,1'],
      [6, 'parameter_invalid', 'tokens,d,cus_A'],
      [8, 'parameter_invalid', 'tokens,f,"never closed,1'],
    ])
    expect((await exported()).map(({ identifier }) => identifier).sort()).toEqual(['a', 'c', 'e', 'g'])
  })

  it.each([
    ['no column event_name', 'identifier,value\na,1\n', 'no column event_name'],
    ['semicolons between cells', 'event_name;value\ntokens;1,5\n', 'it is one cell, with semicolons or tabs'],
    ['tabs between cells', 'event_name\tvalue\ntokens\t1\n', 'it is one cell, with semicolons or tabs'],
    ['two columns of one meaning', 'event_name,value,payload.value\ntokens,1,1\n', 'mean the same'],
    ['a column without a name', 'event_name,,value\ntokens,1,1\n', 'Column 2 has no name'],
    ['the status of an export', 'event_name,value,record_status\ntokens,1,recorded\n', '--include-cancelled'],
    [
      'a name that only almost has its meaning',
      'event_name,Identifier,value\ntokens,a,1\n',
      'Column 2 is called "Identifier": write identifier, or "payload.Identifier" if it is a payload key.',
    ],
    ['blanks around a name', 'event_name,value, timestamp\ntokens,1,1\n', 'write timestamp, or "payload. timestamp"'],
    ['lines that end with a carriage return alone', 'event_name,value\rtokens,1\r', 'must end with LF or CR LF'],
    [
      'bytes that are no UTF-8',
      Buffer.from('event_name,M\xfcnze\ntokens,1\n', 'latin1'),
      'not valid UTF-8. Save the file as',
    ],
    [
      'two bytes a character',
      Buffer.from('\uFEFFevent_name,value\ntokens,1\n', 'utf16le'),
      'is UTF-16. Save it as UTF-8.',
    ],
    ['a JSON array', JSON.stringify([{ event_name: 'tokens', payload }]), 'begins with [, as a JSON array does'],
    ['a JSON array on lines', '[\n{"event_name":"tokens"}\n]\n', 'begins with [, as a JSON array does'],
    ['another name of the meter', 'Event_Name,value\ntokens,1\n', 'write event_name, or "payload.Event_Name"'],
  ])('stops at a header with %s', async (_, content, message) => {
    const ended = await importFile(file('header.csv', content))
    expect(ended.code).toBe(3)
    expect(ended.stderr).toContain(message)
  })

  it('stops at once at NDJSON that is UTF-16, instead of refusing each line', async () => {
    const content = Buffer.from(`\uFEFF${many(10)}`, 'utf16le')
    const ended = await importFile(file('usage.ndjson', content))
    expect(ended).toMatchObject({ code: 3, stderr: `${join(folder, 'usage.ndjson')} is UTF-16. Save it as UTF-8.\n` })
    expect(summary(ended)).toMatchObject({ lines: 0, rejects_file: null })
  })

  it('does not advise to run it again where the header is wrong', async () => {
    const { stdout } = await meterbook([
      'import',
      file('header.csv', 'event_name;value\ntokens;1\n'),
      '--data-dir',
      dataDir,
    ])
    expect(stdout).toMatch(/ 0 refused\.\nIt stopped before the first line: nothing was counted\.\n$/)
  })
})

describe('Importing from standard input', () => {
  it('tells NDJSON, CSV and gzip by how they begin', async () => {
    const csv = 'event_name,identifier,stripe_customer_id,value\ntokens,csv,cus_A,1\n'
    const lines = ndjson([{ event_name: 'tokens', identifier: 'json', payload }])
    for (const input of [`\uFEFF${lines}`, csv, gzipSync(lines), gzipSync(csv)]) {
      const ended = await meterbook(['import', '-', '--data-dir', dataDir, '--quiet'], input)
      expect(ended).toEqual({ code: 0, stdout: '', stderr: '' })
    }
    expect((await exported()).map(({ identifier }) => identifier).sort()).toEqual(['csv', 'json'])
  })

  it('ends when it cannot go on, though more may come', async () => {
    const { child, ended } = start(['import', '-', '--data-dir', dataDir, '--format', 'csv'])
    child.stdin.on('error', () => undefined)
    child.stdin.write('no,such,header\n1,2,3\n')
    expect(await ended).toMatchObject({ code: 3, stderr: expect.stringContaining('no column event_name') })
  })

  it.each(['SIGINT', 'SIGTERM'] as const)(
    'says what was counted when %s ends it, whatever may still come',
    async (signal) => {
      const lines = many(2 * UNDER_WAY_LINES)
      const args = ['import', '-', '--data-dir', dataDir, '--json']
      const { child, ended } = start(args)
      child.stdin.on('error', () => undefined)
      child.stdin.write(lines)
      // How far it is.
      await once(child.stderr, 'data')
      child.kill(signal)
      const { code, stdout } = await ended
      expect(code).toBe(130)
      const first = JSON.parse(stdout) as Record<string, number>
      expect(first).toMatchObject({ lines: first.counted, duplicates: 0, rejected: 0, stopped: 'Interrupted' })
      expect(first.counted).toBeGreaterThan(0)
      const again = summary(await meterbook(args, lines))
      expect(again).toMatchObject({ lines: 2 * UNDER_WAY_LINES, duplicates: first.counted, stopped: null })
    },
  )

  it('takes lines without an identifier only if the source has a name', async () => {
    const rejectsFile = join(folder, 'refused.ndjson')
    const run = (...options: string[]) =>
      meterbook(
        ['import', '-', '--data-dir', dataDir, '--json', '--rejects', rejectsFile, ...options],
        ndjson([{ event_name: 'tokens', payload }]),
      )
    const unnamed = await run()
    expect(unnamed.code).toBe(1)
    expect(rejects(rejectsFile)[0]).toMatchObject({ line: 1, param: 'identifier' })
    expect(summary(await run('--source', 'today'))).toMatchObject({ counted: 1 })
    expect(summary(await run('--source', 'today'))).toMatchObject({ counted: 0, duplicates: 1 })
  })

  it('does not take away the file that standard input is', async () => {
    const path = file('usage.ndjson', ndjson([{ event_name: 'nothing', payload }]))
    const standardInput = openSync(path, 'r')
    const args = [MAIN, 'import', '-', '--data-dir', dataDir, '--rejects', path]
    const { status, stderr } = spawnSync(process.execPath, args, { stdio: [standardInput, 'pipe', 'pipe'] })
    closeSync(standardInput)
    expect([status, stderr.toString()]).toEqual([2, `The refused lines cannot go to ${path}: it is read.\n`])
    expect(readFileSync(path, 'utf8')).not.toBe('')
  })

  it('reads a pipe once from its beginning to its end, also where lines have no identifier', async () => {
    const lines = join(folder, 'lines.ndjson')
    // More than a pipe holds at once.
    writeFileSync(lines, ndjson(Array.from({ length: UNDER_WAY_LINES }, () => ({ event_name: 'tokens', payload }))))
    const pipe = join(folder, 'pipe')
    execFileSync('mkfifo', [pipe])
    const run = async (...options: string[]): Promise<Ended> => {
      const writer = spawn('cp', [lines, pipe])
      const ended = await importFile(pipe, ...options)
      writer.kill()
      return ended
    }
    const rejectsFile = join(folder, 'refused.ndjson')
    expect(summary(await run('--rejects', rejectsFile))).toMatchObject({ counted: 0, rejected: UNDER_WAY_LINES })
    expect(rejects(rejectsFile)[0]).toMatchObject({ line: 1, param: 'identifier' })
    expect(summary(await run('--source', 'today'))).toMatchObject({ counted: UNDER_WAY_LINES, rejected: 0 })
    expect(summary(await run('--source', 'today'))).toMatchObject({ counted: 0, duplicates: UNDER_WAY_LINES })
  })
})

describe('An import of many lines', () => {
  it('stays within its memory, and counts once when it is killed half way and run again', async () => {
    const path = file('many.ndjson', many(MANY_LINES))
    const { child, ended } = start(['import', path, '--data-dir', dataDir])
    // The first lines it reports are durable, and most of the file is still to come.
    await once(child.stderr, 'data')
    child.kill('SIGKILL')
    await ended
    const again = await importFile(path)
    expect(again.code).toBe(0)
    const { counted, duplicates, peak_memory_bytes: memory } = summary(again) as Record<string, number>
    expect(duplicates).toBeGreaterThan(0)
    expect(counted).toBeGreaterThan(0)
    expect(counted! + duplicates!).toBe(MANY_LINES)
    expect(memory).toBeLessThan(MEMORY_MAX_BYTES)
    expect(memory).toBeGreaterThan(MEMORY_MAX_BYTES / 100)
    const identifiers = (await exported()).map(({ identifier }) => identifier)
    expect(identifiers).toHaveLength(MANY_LINES)
    expect(new Set(identifiers).size).toBe(MANY_LINES)
  }, 180_000)

  it('keeps what was counted where the file turns out to be cut off', async () => {
    const packed = gzipSync(many(5_000))
    const path = file('cut.ndjson.gz', packed.subarray(0, packed.length - 200))
    const ended = await importFile(path)
    expect(ended.code).toBe(3)
    const { counted, stopped } = summary(ended)
    expect(stopped).toBe(
      `${path} is cut off (unexpected end of file): its end is missing. Get all of it, and import that.`,
    )
    expect(counted).toBeGreaterThan(0)
    expect(await exported()).toHaveLength(counted as number)
  })

  it('counts nothing of a gzip that is damaged, which unpacks to lines that nobody packed', async () => {
    const packed = gzipSync(many(5_000))
    packed[packed.length >> 1]! ^= 0xff
    const path = file('damaged.ndjson.gz', packed)
    const ended = await importFile(path)
    expect(ended).toMatchObject({ code: 3, stderr: expect.stringContaining(`${path} is damaged`) as unknown })
    expect(summary(ended)).toMatchObject({ lines: 0, rejects_file: null })
    expect(await exported()).toEqual([])
  })

  it('says that lines of a damaged gzip may have counted where it is seen only at its end', async () => {
    const packed = gzipSync(many(10))
    // Of the checksum.
    packed[packed.length - 5]! ^= 0xff
    const { code, stderr } = await meterbook(['import', '-', '--data-dir', dataDir, '--quiet'], packed)
    expect(code).toBe(3)
    expect(stderr).toMatch(
      /^Standard input is damaged: .* Lines of it that were counted may be others than were packed\.\n$/,
    )
  })
})

describe('An import', () => {
  it('ends with 2 where the command line is wrong', async () => {
    const path = file('usage.ndjson', '')
    for (const args of [
      ['import'],
      ['import', join(folder, 'missing.ndjson')],
      ['import', path, '--format', 'xml'],
      ['import', path, '--account', 'No Such'],
      ['import', path, '--source', ' '],
      ['import', path, '--nonsense'],
    ]) {
      expect(await meterbook([...args, '--data-dir', dataDir])).toMatchObject({ code: 2, stdout: '' })
    }
  })

  it('ends with 2 where there is no store or meter, or the side file is the input or cannot be made', async () => {
    const path = file('usage.ndjson', ndjson([{ event_name: 'tokens', payload }]))
    const run = (...options: string[]) => meterbook(['import', path, ...options])
    const missing = join(folder, 'elsewhere')
    expect(await run('--data-dir', missing)).toMatchObject({ code: 2 })
    expect(existsSync(missing)).toBe(false)
    expect(await run('--data-dir', dataDir, '--mode', 'live')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('default~live has no meters') as unknown,
    })
    expect((await run('--data-dir', dataDir, '--rejects', path)).code).toBe(2)
    expect((await run('--data-dir', dataDir, '--rejects', join(missing, 'refused'))).code).toBe(2)
    expect(await run('--data-dir', dataDir, '--rejects', folder)).toMatchObject({
      code: 2,
      stderr: `--rejects cannot be ${folder}: it is a folder. Name a file in it.\n`,
    })
    expect(readFileSync(path, 'utf8')).not.toBe('')
  })

  it('writes refused lines neither into the data folder nor through a link that waits for them', async () => {
    const path = file('usage.ndjson', ndjson([{ event_name: 'nothing' }]))
    const inside = join(dataDir, 'usage.ndjson')
    writeFileSync(inside, readFileSync(path))
    linkSync(join(dataDir, 'events.db'), join(folder, 'hard-link'))
    const log = readFileSync(join(dataDir, 'events.db'))
    const refused = { code: 2, stderr: expect.stringMatching(/^--rejects cannot be .*\n$/) as unknown }
    for (const rejects of [join(dataDir, 'events.db'), join(dataDir, 'new'), join(folder, 'hard-link')]) {
      expect(await importFile(path, '--rejects', rejects)).toMatchObject(refused)
      const service = ['import', path, '--url', 'http://127.0.0.1:9', '--rejects', rejects]
      const environment = { METERBOOK_API_KEY: 'sk_test_of_another', DATA_DIR: dataDir }
      expect(await start(service, environment).ended).toMatchObject(refused)
    }
    expect(await importFile(inside)).toMatchObject(refused)
    expect(readFileSync(join(dataDir, 'events.db')).equals(log)).toBe(true)
    symlinkSync(join(folder, 'victim'), join(folder, 'planted'))
    expect(await importFile(path, '--rejects', join(folder, 'planted'))).toMatchObject({ code: 3 })
    expect(existsSync(join(folder, 'victim'))).toBe(false)
  })

  it('says that the refused lines could not be written, and is not done then', async () => {
    const path = file('usage.ndjson', ndjson([{ event_name: 'tokens', payload }, { event_name: 'nothing' }]))
    const ended = await importFile(path, '--rejects', '/dev/full')
    expect(ended).toMatchObject({ code: 3, stderr: expect.stringContaining('written to /dev/full: ENOSPC') as unknown })
    expect(summary(ended)).toMatchObject({ counted: 1, rejected: 1 })
  })

  it('takes a folder without any of its files for that of somebody else, where it goes through a service', async () => {
    const anybodys = join(folder, 'anybodys')
    mkdirSync(anybodys)
    const path = join(anybodys, 'usage.ndjson')
    writeFileSync(path, ndjson([{ event_name: 'nothing' }]))
    const throughService = (...options: string[]) =>
      // A setting that only a service has is none of its business.
      start(['import', path, '--url', 'http://127.0.0.1:9', ...options], {
        METERBOOK_API_KEY: 'sk_test_of_another',
        DATA_DIR: anybodys,
        PORT: 'none',
      }).ended
    expect(await throughService()).toMatchObject({ code: 3, stderr: expect.stringContaining('127.0.0.1:9') as unknown })
    // What it is called would make it one of the files of a service that starts there.
    for (const name of ['events.db', 'events.db-wal', 'read-model.db', 'service.lock', 'session.secret']) {
      expect(await throughService('--rejects', join(anybodys, name))).toMatchObject({ code: 2 })
    }
  })

  it('says what it does, in words, in JSON, or not at all', async () => {
    const path = file('usage.ndjson', ndjson([{ event_name: 'tokens', payload }, { event_name: 'nothing' }]))
    const words = await meterbook(['import', path, '--data-dir', dataDir])
    expect(words.stdout).toMatch(/^usage\.ndjson: 2 lines in .* 1 counted, 0 counted before, 1 refused\.\n/)
    expect(words.stdout).toContain(`${path}.rejected.ndjson`)
    expect(words.stderr).toMatch(/^2 lines( {2}\d+\/s)? {2}100 %/)
    const since = performance.now()
    const told = summary(await importFile(path))
    expect(told.seconds).toBeLessThan((performance.now() - since) / 1000)
    expect(told).toEqual({
      file: path,
      ledger: 'default~test',
      lines: 2,
      counted: 0,
      duplicates: 1,
      rejected: 1,
      rejects_file: `${path}.rejected.ndjson`,
      seconds: expect.any(Number),
      lines_per_second: expect.any(Number),
      peak_memory_bytes: expect.any(Number),
      stopped: null,
    })
    expect(await meterbook(['import', path, '--data-dir', dataDir, '--quiet'])).toEqual({
      code: 1,
      stdout: '',
      stderr: '',
    })
  })

  it('explains itself', async () => {
    const { code, stdout } = await meterbook(['import', '--help'])
    expect(code).toBe(0)
    for (const word of ['--backfill', '--source', '--rejects', 'NDJSON', 'CSV', 'Exit codes']) {
      expect(stdout).toContain(word)
    }
  })
})
