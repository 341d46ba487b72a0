/** Whatever was changed behind the service's back, in the rows or in the log: an audit names it. */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from '@jest/globals'
import { cpSync, mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setImmediate as nextTurn } from 'node:timers/promises'
import { DAY_MS } from '../../src/domain/time-bucket.js'
import { EmbeddedReadModel } from '../../src/read-model/embedded-read-model.js'
import { packColumns, unpackColumns } from '../../src/read-model/packed-columns.js'
import { usageRecords } from '../../src/read-model/tables.js'
import type { AuditVerdict } from '../../src/replay/audit.js'
import { EFFECTS_MAX } from '../../src/replay/effects.js'
import { SqliteDatabase } from '../../src/sqlite.js'
import { scriptDigest } from '../replay/digest-script.js'
import { changeCells, flipBitOfRuns } from '../tampering.js'
import { makeStore, meterbook, start, type Ended } from './command-line.js'

const AT = Date.UTC(2026, 0, 14, 10)

let folder: string
/** As the service left it; each test works on a copy. */
let sound: string
let dataDir: string
let scratch: string

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'meterbook-'))
  sound = join(folder, 'sound')
  await makeStore(sound, [
    { eventName: 'tokens', meterId: 'mtr_test_tokens' },
    { eventName: 'seats', meterId: 'mtr_test_seats', formula: 'last', eventTimeWindow: 'hour' },
  ])
  const line = (name: string, n: number): string =>
    `${JSON.stringify({
      event_name: name,
      identifier: `${name}-${n}`,
      timestamp: new Date(AT + n * 20_000).toISOString(),
      payload: { stripe_customer_id: n % 2 === 0 ? 'cus_A' : 'cus_B', value: String(n) },
    })}\n`
  const path = join(folder, 'usage.ndjson')
  writeFileSync(path, Array.from({ length: 30 }, (_, n) => line('tokens', n) + line('seats', n)).join(''))
  const imported = await meterbook(['import', path, '--data-dir', sound, '--backfill', '--quiet'])
  expect(imported).toMatchObject({ code: 0 })
})
afterAll(() => rmSync(folder, { recursive: true }))

beforeEach(() => {
  dataDir = mkdtempSync(join(folder, 'copy-'))
  cpSync(sound, dataDir, { recursive: true })
  scratch = join(dataDir, 'scratch')
  mkdirSync(scratch)
})
// Whatever the verdict, nothing is left behind.
afterEach(() => expect(readdirSync(scratch)).toEqual([]))

const run = (...options: string[]): Promise<Ended> =>
  meterbook(['audit', '--data-dir', dataDir, '--temp-dir', scratch, ...options])

/** What `--json` prints. */
interface Shown extends Omit<AuditVerdict, 'findingCount' | 'outsideCount' | 'logGoesOn' | 'findings'> {
  readonly other_log: string | null
  readonly finding_count: number
  readonly outside_count: number
  readonly log_goes_on: boolean
  readonly findings: readonly {
    readonly kind: string
    readonly table?: string
    readonly meter?: string
    readonly customer?: string
  }[]
  readonly effects?: readonly object[]
  readonly effect_count?: number
}

async function verdict(...options: string[]): Promise<Shown> {
  const { code, stdout, stderr } = await run('--json', '--quiet', ...options)
  expect(stderr).toBe('')
  const found = JSON.parse(stdout) as Shown
  expect(code).toBe(found.verdict === 'agrees' ? 0 : 1)
  return found
}

function change(file: 'events.db' | 'read-model.db', ...statements: string[]): void {
  const database = new SqliteDatabase(join(dataDir, file))
  for (const statement of statements) {
    const { changes } = database.prepare(statement).run()
    if (!/^(DROP|CREATE) /.test(statement)) expect(changes).toBe(1)
  }
  database.close()
}

/** As somebody would who wants to edit history, and not to be found out. */
function changeLog(statement: string): void {
  const database = new SqliteDatabase(join(dataDir, 'events.db'))
  const triggers = database.prepare("SELECT name, sql FROM sqlite_schema WHERE type = 'trigger'").all() as {
    name: string
    sql: string
  }[]
  for (const { name } of triggers) database.exec(`DROP TRIGGER ${name}`)
  expect(database.prepare(statement).run().changes).toBe(1)
  for (const { sql } of triggers) database.exec(sql)
  database.close()
}

function changeEvent(type: string, from: string, to: string): void {
  changeLog(
    `UPDATE events SET data = replace(data, '${from}', '${to}')
      WHERE position = (SELECT min(position) FROM events WHERE type = '${type}' AND instr(data, '${from}') > 0)`,
  )
}

describe('meterbook audit', () => {
  it('agrees with rows nobody touched, and gives the digest of the log', async () => {
    const all = await verdict()
    expect(all).toMatchObject({ verdict: 'agrees', finding_count: 0, findings: [], checkpoint: { sequence: 60 } })
    const records = await meterbook(['export', '--data-dir', dataDir, '--format', 'records', '--quiet'])
    expect(all.digests).toEqual([
      { ledger: 'default~test', sha256: scriptDigest(records.stdout), records: 60, cancelled: 0 },
    ])
    const human = await run()
    expect(human).toMatchObject({ code: 0 })
    expect(human.stdout).toContain('AGREES: every row is what the log says, of 60 records.')
    expect(human.stdout).not.toContain('The log goes on')
    expect(human.stderr).not.toContain('once more')
  })

  it('says when the log goes on behind the rows', async () => {
    await makeStore(dataDir, [{ eventName: 'images', meterId: 'mtr_test_images' }])
    expect(await verdict()).toMatchObject({ verdict: 'agrees', checkpoint: { sequence: 60 }, log_goes_on: true })
    expect((await run()).stdout).toContain('The log goes on: what the rows do not have yet was not audited.')
    expect(await meterbook(['digest', '--data-dir', dataDir])).toMatchObject({ code: 0 })
    expect(await verdict()).toMatchObject({ verdict: 'agrees', log_goes_on: false })
  })

  it('says what each event of a meter and customer did', async () => {
    const { effects } = await verdict(
      '--meter',
      'mtr_test_tokens',
      '--customer',
      'cus_A',
      '--to',
      new Date(AT + 60_000).toISOString(),
    )
    expect(effects).toMatchObject([
      { type: 'UsageRecorded', identifier: 'tokens-0', value: '0', before: '0', after: '0' },
      { type: 'UsageRecorded', identifier: 'tokens-2', value: '2', before: '0', after: '2' },
    ])
    const { stdout } = await run('--meter', 'mtr_test_tokens', '--customer', 'cus_A')
    expect(stdout).toContain('recorded "tokens-2"')
    expect(stdout).toContain('minute 2026-01-14T10:00:00.000Z 0 → 2')
    expect(stdout).not.toContain('What the first')
    // Of a meter with windows: the whole window, where the event before it counts no more.
    const seats = await run('--meter', 'mtr_test_seats', '--customer', 'cus_B')
    expect(seats.stdout).toMatch(/recorded "seats-1" .* hour 2026-01-14T10:00:00\.000Z 0 → 1\n/)
    expect(seats.stdout).toMatch(/recorded "seats-29" .* hour 2026-01-14T10:00:00\.000Z 27 → 29\n/)
    expect((await run('--meter', 'mtr_test_seats', '--quiet')).stdout).not.toContain('recorded')
  })

  it('says so where it shows what only the first events did', async () => {
    const path = join(folder, 'many.ndjson')
    const line = (n: number): string =>
      `${JSON.stringify({
        event_name: 'tokens',
        identifier: `many-${n}`,
        timestamp: new Date(AT).toISOString(),
        payload: { stripe_customer_id: 'cus_many', value: '1' },
      })}\n`
    writeFileSync(path, Array.from({ length: EFFECTS_MAX + 5 }, (_, n) => line(n)).join(''))
    const imported = await meterbook(['import', path, '--data-dir', dataDir, '--backfill', '--quiet'])
    expect(imported).toMatchObject({ code: 0 })
    const { effects, effect_count } = await verdict('--customer', 'cus_many')
    expect(effect_count).toBe(EFFECTS_MAX + 5)
    expect(effects).toHaveLength(EFFECTS_MAX)
    expect(effects?.at(-1)).toMatchObject({ bucket: 'minute', start: AT, before: '9999', after: '10000' })
    const { stdout } = await run('--customer', 'cus_many')
    expect(stdout).toContain(
      '9999 → 10000\nWhat the first 10 000 of 10 005 events did is shown. Narrow them with --from and --to.\n',
    )
  })

  it('names a cell that was changed', async () => {
    const file = join(dataDir, 'read-model.db')
    expect(await changeCells(file, ({ series, size }) => series === 1 && size === DAY_MS, '666')).toBe(1)
    const found = await verdict()
    expect(found).toMatchObject({ verdict: 'differs', finding_count: 1 })
    expect(found.findings).toMatchObject([
      {
        kind: 'row',
        table: 'usage_cells',
        key: { series: 1, size: 86_400_000, start: Date.UTC(2026, 0, 14) },
        found: { state: '666' },
        meter: expect.stringMatching(/^mtr_test_/) as unknown,
        customer: expect.stringMatching(/^cus_/) as unknown,
      },
    ])
    const human = await run()
    expect(human).toMatchObject({ code: 1 })
    expect(human.stdout).toMatch(/usage_cells .*: state expected "\d+", found "666"/)
    expect(human.stderr).toMatch(/^usage_cells \{.*\} is not what the log gives\. Folding everything once more/m)
    // It is of one meter only.
    const other = found.findings[0]?.meter === 'mtr_test_tokens' ? 'mtr_test_seats' : 'mtr_test_tokens'
    expect(await verdict('--meter', other)).toMatchObject({ verdict: 'agrees' })
  })

  it('differs for whoever a series was given to, and for whom it was taken from', async () => {
    const of = `WHERE series = (SELECT series FROM usage_records_1 WHERE identifier = 'tokens-3')`
    for (const customer of ['cus_new', 'cus_A']) {
      // A customer and its dimensions have one series of a meter.
      change('read-model.db', `UPDATE usage_series_1 SET customer = '${customer}', dimensions = '["x"]' ${of}`)
      for (const concerned of [customer, 'cus_B']) {
        const found = await verdict('--customer', concerned, '--meter', 'mtr_test_tokens')
        expect(found).toMatchObject({ verdict: 'differs', finding_count: 1, outside_count: 0 })
        expect(found.findings).toMatchObject([
          { table: 'usage_series', expected: { customer: 'cus_B' }, found: { customer }, customer: 'cus_B' },
        ])
      }
      expect(await verdict('--customer', 'cus_other')).toMatchObject({ verdict: 'agrees', outside_count: 1 })
    }
  })

  it('differs for the time a record was moved to, and for the time it was moved from', async () => {
    const hours = 3_600_000
    change(
      'read-model.db',
      `UPDATE usage_records_1 SET occurred_at = occurred_at + ${2 * hours} WHERE identifier = 'tokens-3'`,
    )
    const minutes = (at: number): [string, string, string, string] => [
      '--from',
      new Date(at).toISOString(),
      '--to',
      new Date(at + 60_000).toISOString(),
    ]
    for (const at of [AT + 60_000, AT + 60_000 + 2 * hours]) {
      const found = await verdict(...minutes(at))
      expect(found).toMatchObject({ verdict: 'differs', finding_count: 1, outside_count: 0 })
      expect(found.findings).toMatchObject([{ table: 'usage_records', found: { identifier: 'tokens-3' } }])
    }
    expect(await verdict(...minutes(AT + hours))).toMatchObject({ verdict: 'agrees', outside_count: 1 })
  })

  it('differs for every ledger where moments of all of them are found by what was changed', async () => {
    await makeStore(dataDir, [{}], 'default~live')
    change('read-model.db', 'UPDATE usage_marks_1 SET latest = latest - 5000')
    const concerns = { verdict: 'differs', finding_count: 1, outside_count: 0 }
    const own = await verdict('--mode', 'test', '--customer', 'cus_A')
    expect(own).toMatchObject({ ...concerns, findings: [{ kind: 'row', table: 'usage_marks' }] })
    // Of another ledger nothing is told.
    const other = await verdict('--mode', 'live')
    expect(other).toMatchObject({ ...concerns, findings: [{ kind: 'storage', of: 'rows' }] })
    expect(JSON.stringify(other.findings)).not.toContain('default~test')
  })

  it('says what differs outside of what was asked for', async () => {
    change('read-model.db', `UPDATE usage_records_1 SET value = '7' WHERE identifier = 'tokens-3'`)
    await makeStore(dataDir, [{}], 'default~live')
    const beside = 'Outside of it: 1 difference. Audit without a selection to see all.'
    const agrees = `AGREES: every row of the selection is what the log says, of 30 records. ${beside}\n`
    expect(await run('--meter', 'mtr_test_seats', '--quiet')).toEqual({ code: 0, stdout: agrees, stderr: '' })
    expect((await run('--mode', 'live', '--quiet')).stdout).toBe(agrees.replace('30', '0'))
    change('read-model.db', `UPDATE usage_records_1 SET value = '7' WHERE identifier = 'seats-3'`)
    const differs = await run('--meter', 'mtr_test_seats', '--quiet')
    expect([differs.code, differs.stdout]).toEqual([1, expect.stringMatching(/^DIFFERS: 1 difference between .*\n$/)])
    expect(differs.stdout).toContain(beside)
    expect((await run('--quiet')).stdout).not.toContain('Outside')
  })

  it('names rows of the index that were changed, taken out and put in', async () => {
    change(
      'read-model.db',
      `UPDATE usage_records_1 SET value = '7' WHERE identifier = 'tokens-3'`,
      `DELETE FROM usage_records_1 WHERE identifier = 'tokens-5'`,
      `INSERT INTO usage_records_1 SELECT 999, meter, 'made up', series, value, occurred_at, recorded_at, payload, partition,
         revision, cancelled_at, cancelled_sequence, cancelled_revision FROM usage_records_1 WHERE identifier = 'tokens-7'`,
    )
    const found = await verdict()
    expect(found.verdict).toBe('differs')
    expect(
      found.findings.filter((finding) => finding.kind === 'row' && finding.table === 'usage_records'),
    ).toHaveLength(3)
    expect(found.findings).toEqual(
      expect.arrayContaining([
        expect.objectContaining({
          expected: expect.objectContaining({ value: '3' }),
          found: expect.objectContaining({ value: '7' }),
        }),
        expect.objectContaining({ expected: expect.objectContaining({ identifier: 'tokens-5' }), found: null }),
        expect.objectContaining({ expected: null, found: expect.objectContaining({ identifier: 'made up' }) }),
      ] as unknown[]),
    )
    // The records alone, as they stood earlier: what was put in at the end was not there yet.
    const earlier = await verdict('--sequence', '50')
    expect(await verdict('--as-of', '50')).toEqual(earlier)
    expect(earlier.checkpoint.sequence).toBe(50)
    expect(await run('--sequence', '61')).toMatchObject({
      code: 2,
      stderr: expect.stringContaining('60 usage events so far, not 61') as unknown,
    })
    expect(earlier.finding_count).toBeLessThanOrEqual(2)
  })

  it('names an index of the file that does not fit its table', async () => {
    const path = join(dataDir, 'read-model.db')
    const database = new SqliteDatabase(path)
    const { page, size } = database
      .prepare<[], { page: number; size: number }>(
        `SELECT pageno AS page, pgsize AS size FROM dbstat
         WHERE name LIKE 'usage_records_%_identifier' AND pagetype = 'leaf' LIMIT 1`,
      )
      .get()!
    database.close()
    // The last byte of an index page is of its first entry: the sequence of a record.
    const bytes = readFileSync(path)
    bytes[page * size - 1]! ^= 0x40
    writeFileSync(path, bytes)
    const found = await verdict()
    expect(found.verdict).toBe('differs')
    expect(found.findings[0]).toMatchObject({ kind: 'storage' })
    expect((await run()).stdout).toMatch(/storage of the rows: row \d+ missing from index usage_records_\d+_identifier/)
  })

  it('names an entry that an index kept beside the records lacks, and one that leads to no record', async () => {
    const path = join(dataDir, 'read-model.db')
    const readModel = new EmbeddedReadModel(path)
    const [first] = await readModel.range(usageRecords, { limit: 1 })
    await readModel.close()
    const runs = 'usage_records_1_occurred'
    const database = new SqliteDatabase(path)
    // How many runs there are depends on how the events were gathered.
    const ofRuns = `WHERE run IN (SELECT run FROM ${runs}_runs WHERE level >= 0)`
    const blocks = database.prepare(`SELECT block, entries FROM ${runs}_blocks ${ofRuns}`).all() as {
      block: number
      entries: Buffer
    }[]
    const placeIn = (values: Float64Array): number =>
      values.findIndex((value, index) => index % 3 === 2 && value === first!.sequence)
    const unpacked = blocks.map(({ block, entries }) => ({ block, values: unpackColumns(entries, 3, block)! }))
    const { block, values } = unpacked.find(({ values }) => placeIn(values) >= 0)!
    values[placeIn(values)] = 777
    const changed = packColumns(values, values.length / 3, 3, block)
    const keys = values.subarray(0, 3)
    database
      .prepare(`UPDATE ${runs}_blocks SET entries = ?, key0 = ?, key1 = ?, key2 = ? WHERE block = ?`)
      .run(changed, ...keys, block)
    database.close()
    const found = await verdict()
    expect(found).toMatchObject({ verdict: 'differs', finding_count: 2 })
    expect(found.findings).toMatchObject([
      { table: 'usage_records_occurred', expected: { sequence: first!.sequence }, found: null },
      { table: 'usage_records_occurred', expected: null, found: { sequence: 777 } },
    ])
  })

  it('names a block that is found under another key than its own, and an index that is gone', async () => {
    const first = 'WHERE block = (SELECT min(block) FROM usage_cells_1_blocks)'
    change('read-model.db', `UPDATE usage_cells_1_blocks SET key2 = key2 - 1800000 ${first}`)
    const block = await verdict()
    expect(block.verdict).toBe('differs')
    expect(block.findings[0]).toMatchObject({ kind: 'storage', message: expect.stringContaining('usage_cells_1') })
    change('read-model.db', `UPDATE usage_cells_1_blocks SET key2 = key2 + 1800000 ${first}`)
    expect((await verdict()).verdict).toBe('agrees')
    change('read-model.db', 'DROP INDEX usage_records_1_identifier')
    expect((await verdict()).findings).toMatchObject([
      { kind: 'storage', message: 'INDEX usage_records_1_identifier is missing, or not as it is made.' },
    ])
  })

  it('names a trigger that was put into the rows, and a rebuild takes it out', async () => {
    change(
      'read-model.db',
      `CREATE TRIGGER skim AFTER INSERT ON usage_records_1
        BEGIN UPDATE usage_records_1 SET value = '0' WHERE sequence = NEW.sequence; END`,
    )
    const found = await verdict()
    expect(found).toMatchObject({ verdict: 'differs', finding_count: 1 })
    expect(found.findings).toMatchObject([
      { kind: 'storage', of: 'rows', message: expect.stringContaining('TRIGGER skim of usage_records_1') as unknown },
    ])
    expect(await meterbook(['rebuild', '--data-dir', dataDir, '--quiet'])).toMatchObject({ code: 0 })
    expect((await verdict()).verdict).toBe('agrees')
  })

  it('says that the last event of a stream is gone, which no other event tells', async () => {
    // Of the last event of the log nothing would be left to say so.
    changeLog(
      `DELETE FROM events WHERE position = (SELECT max(position) FROM events GROUP BY stream_id ORDER BY 1 DESC LIMIT 1 OFFSET 1)`,
    )
    for (const file of ['read-model.db', 'read-model.db-wal', 'read-model.db-shm']) {
      rmSync(join(dataDir, file), { force: true })
    }
    expect(await meterbook(['digest', '--data-dir', dataDir])).toMatchObject({ code: 0 })
    expect(await verdict()).toMatchObject({
      verdict: 'damaged',
      finding_count: 1,
      findings: [
        { kind: 'storage', of: 'log', message: expect.stringMatching(/^Of the positions up to \d+ 1 have no/) },
      ],
    })
    expect((await run()).stdout).toContain('events were deleted.')
    const copied = ['copy', '--data-dir', dataDir, '--to', 'embedded:', '--to-data-dir', join(dataDir, 'copied')]
    expect((await meterbook([...copied, '--quiet'])).stderr).toContain('The copy will not show that: keep this log.')
  })

  it('says what a start says where the log is one of before the rows', async () => {
    expect((await verdict()).other_log).toBeNull()
    // An older backup under newer rows.
    const usage = join(folder, 'more.ndjson')
    const payload = { stripe_customer_id: 'cus_A', value: '1' }
    writeFileSync(usage, `${JSON.stringify({ event_name: 'tokens', identifier: 'later', payload })}\n`)
    expect(await meterbook(['import', usage, '--data-dir', dataDir, '--quiet'])).toMatchObject({ code: 0 })
    cpSync(join(sound, 'events.db'), join(dataDir, 'events.db'))
    const { stderr: refusal } = await meterbook(['rebuild', '--data-dir', dataDir])
    expect(refusal).toMatch(/^The event log does not have the event that the read model was made up to .*\.\n$/)
    const said = refusal.trimEnd()

    const found = await verdict()
    expect(found).toMatchObject({ verdict: 'differs', other_log: said })
    const { code, stdout } = await run('--quiet')
    expect(code).toBe(1)
    expect(stdout).toBe(`DIFFERS: ${found.finding_count} differences between the rows and the log. ${said}\n`)
    // What it has in common with the rows is the same.
    expect(await verdict('--sequence', '50')).toMatchObject({ verdict: 'agrees', other_log: said })
    expect((await run('--quiet', '--sequence', '50')).stdout).toMatch(/^AGREES: every row is what the log says/)
  })

  it('names what of the log no longer refuses changes, and a copy of it refuses them again', async () => {
    change('events.db', 'DROP TRIGGER events_are_never_changed', 'DROP TRIGGER streams_are_never_deleted')
    change('events.db', 'CREATE TRIGGER streams_are_never_deleted BEFORE DELETE ON streams BEGIN SELECT 1; END')
    change('events.db', 'CREATE TRIGGER skim AFTER INSERT ON events BEGIN SELECT 1; END')
    const found = await verdict()
    expect(found).toMatchObject({ verdict: 'differs', finding_count: 3 })
    const message = (text: string): unknown => expect.stringContaining(text)
    expect(found.findings).toMatchObject([
      { kind: 'storage', of: 'log', message: message('TRIGGER events_are_never_changed is missing, or not as it is') },
      { kind: 'storage', of: 'log', message: message('TRIGGER streams_are_never_deleted is missing, or not as it is') },
      { kind: 'storage', of: 'log', message: 'TRIGGER skim is not of the log.' },
    ])
    expect((await run()).stdout).toContain('storage of the log: TRIGGER events_are_never_changed is missing')
    const digest = await meterbook(['digest', '--data-dir', dataDir])
    const to = join(dataDir, 'copied')
    const copied = ['copy', '--data-dir', dataDir, '--to', 'embedded:', '--to-data-dir', to, '--quiet']
    expect(await meterbook(copied)).toMatchObject({ code: 0 })
    expect(await meterbook(['digest', '--data-dir', to])).toEqual(digest)
    dataDir = to
    mkdirSync((scratch = join(to, 'scratch')))
    expect((await verdict()).verdict).toBe('agrees')
  })

  it('names a table that is gone, and a rebuild makes it again', async () => {
    change('read-model.db', 'DROP TABLE usage_windows_1')
    expect((await verdict()).findings).toMatchObject(
      expect.arrayContaining([
        expect.objectContaining({ message: expect.stringContaining('no such table: usage_windows_1') }),
      ]),
    )
    const rebuilt = await meterbook(['rebuild', '--data-dir', dataDir, '--quiet'])
    expect(rebuilt.code).toBe(0)
    expect((await verdict()).verdict).toBe('agrees')
  })

  it('names what was damaged on the disk, and goes on with the rest', async () => {
    const path = join(dataDir, 'read-model.db')
    flipBitOfRuns(path, 'usage_cells_1')
    change('read-model.db', `UPDATE usage_records_1 SET value = '7' WHERE identifier = 'tokens-3'`)
    const found = await verdict()
    expect(found).toMatchObject({ verdict: 'differs', finding_count: 2 })
    expect(found.findings).toMatchObject([
      { kind: 'row', table: 'usage_records', found: { value: '7' } },
      { kind: 'storage', message: expect.stringContaining('usage_cells_1 is damaged') as unknown },
    ])
  })

  it('names a checkpoint that was changed', async () => {
    change('read-model.db', `UPDATE projections SET sequence = 59 WHERE name = 'usage-cells'`)
    expect((await verdict()).findings).toMatchObject([
      { kind: 'checkpoint', projection: 'usage-cells', expected: { sequence: 60 }, found: { sequence: 59 } },
    ])
  })

  it('advises a rebuild that says what it mends', async () => {
    change('read-model.db', `UPDATE projections SET position = '10' WHERE name = 'meters'`)
    change('read-model.db', `UPDATE usage_records_1 SET value = '40' WHERE identifier = 'tokens-4'`)
    change(
      'read-model.db',
      `DELETE FROM usage_windows_1 WHERE (series, start) IN (SELECT series, start FROM usage_windows_1 ORDER BY start LIMIT 1)`,
    )
    flipBitOfRuns(join(dataDir, 'read-model.db'), 'usage_cells_1')
    const { code, stdout } = await run()
    expect([code, stdout]).toEqual([1, expect.stringContaining('DIFFERS')])
    const rebuilt = await meterbook(['rebuild', '--data-dir', dataDir, '--quiet'])
    expect(rebuilt).toMatchObject({ code: 0, stderr: '' })
    const lines = rebuilt.stdout.trim().split('\n')
    // The very lines of the audit.
    for (const line of lines.slice(0, -1)) expect(stdout).toContain(`${line}\n`)
    expect(lines).toEqual([
      expect.stringMatching(/^checkpoint of meters: expected \{"position":"\d+",.*, found \{"position":"10",/),
      expect.stringMatching(
        /^usage_records \{"sequence":\d+\} \(meter mtr_test_tokens, customer "cus_A"\): value expected "4", found "40"$/,
      ),
      expect.stringMatching(/^storage of the rows: usage_cells: .* is damaged/),
      expect.stringMatching(
        /^usage_windows \{.*\} \(meter mtr_test_seats, customer ".*"\): expected \{.*\}, found no row$/,
      ),
      expect.stringMatching(/ 4 differences mended\.$/),
    ])
    expect((await verdict()).verdict).toBe('agrees')
  })

  it('finds by the rows that an event was changed, and by an earlier digest once the rows were made anew', async () => {
    const { digests } = await verdict()
    changeEvent('UsageRecorded', '"value":"4"', '"value":"40"')
    const found = await verdict()
    expect(found).toMatchObject({ verdict: 'differs' })
    expect(found.findings).toEqual(
      expect.arrayContaining([
        expect.objectContaining({ table: 'usage_records', found: expect.objectContaining({ value: '4' }) }),
        expect.objectContaining({ table: 'usage_cells' }),
      ] as unknown[]),
    )
    for (const file of readdirSync(dataDir)) if (file.startsWith('read-model')) rmSync(join(dataDir, file))
    expect(await meterbook(['digest', '--data-dir', dataDir, '--quiet'])).toMatchObject({ code: 0 })
    const later = await verdict()
    expect(later.verdict).toBe('agrees')
    expect(later.digests[0]?.sha256).not.toBe(digests[0]?.sha256)
  })

  it.each([
    ['is no JSON', '"value"', '"value', 'is not JSON'],
    ['is about another meter', 'mtr_test_tokens', 'mtr_test_none', 'was never created'],
    ['belongs to another partition', 'tokens-', 'takens-', 'belongs to partition'],
  ])('says that the log is damaged where an event %s', async (_, from, to, message) => {
    changeEvent('UsageRecorded', from, to)
    const found = await verdict()
    expect(found.verdict).toBe('damaged')
    expect(found.findings).toContainEqual(
      expect.objectContaining({ kind: 'log', message: expect.stringContaining(message) as unknown }),
    )
  })

  it('says that the log is damaged where an event is of no known type, or missing', async () => {
    const last = `position = (SELECT max(position) - 10 FROM events)`
    changeLog(`UPDATE events SET type = 'Unheard' WHERE ${last}`)
    expect((await verdict()).findings).toMatchObject([
      { kind: 'log', message: expect.stringContaining('Unheard') as unknown },
    ])
    changeLog(`DELETE FROM events WHERE ${last}`)
    const found = await verdict()
    expect(found.verdict).toBe('damaged')
    expect(found.findings[0]).toMatchObject({
      kind: 'log',
      message: expect.stringMatching(/stands where \d+ must be/) as unknown,
    })
    expect((await run()).stdout).toContain('DAMAGED')
  })

  it.each(['SIGINT', 'SIGHUP'] as const)('leaves nothing behind when it is interrupted by %s', async (signal) => {
    const { child, ended } = start(['audit', '--data-dir', dataDir, '--temp-dir', scratch])
    const isBegun = (): boolean => readdirSync(scratch).length > 0
    let isOver = false
    void ended.then(() => (isOver = true))
    while (!isBegun() && !isOver) await nextTurn()
    child.kill(signal)
    const { code } = await ended
    // It may have been through before the signal came.
    expect([0, 130]).toContain(code)
  })

  it('prints the verdict alone where it is to be quiet', async () => {
    expect(await run('--quiet')).toEqual({
      code: 0,
      stdout: 'AGREES: every row is what the log says, of 60 records.\n',
      stderr: '',
    })
    change('read-model.db', `UPDATE usage_records_1 SET value = '7' WHERE identifier = 'tokens-3'`)
    const { code, stdout } = await run('--quiet')
    expect([code, stdout]).toEqual([1, expect.stringMatching(/^DIFFERS: 1 difference between .*\n$/)])
  })

  it('counts no record of a customer who has none, and refuses a meter that does not exist', async () => {
    const nobody = await run('--customer', 'cus_nobody')
    expect([nobody.code, nobody.stdout]).toEqual([
      0,
      expect.stringContaining('AGREES: every row is what the log says, of 0 records.'),
    ])
    const refused = { code: 2, stdout: '', stderr: "No such meter: 'mtr_none'.\n" }
    for (const selection of [[], ['--account', 'default'], ['--sequence', '5']]) {
      expect(await run('--meter', 'mtr_none', ...selection)).toEqual(refused)
    }
    expect(await run('--meter', 'mtr_test_seats', '--mode', 'live')).toMatchObject({ code: 2 })
    // Whether the log or the rows lack it, the audit says so.
    await makeStore(dataDir, [{ eventName: 'images', meterId: 'mtr_test_images' }])
    expect(await verdict('--meter', 'mtr_test_images')).toMatchObject({ verdict: 'agrees', log_goes_on: true })
    change('read-model.db', `DELETE FROM meters_1 WHERE meter_id = 'mtr_test_seats'`)
    expect(await verdict('--meter', 'mtr_test_seats')).toMatchObject({ verdict: 'differs' })
  })

  it('does not end with 1 where nobody reads what it says', async () => {
    const { child, ended } = start(['audit', '--data-dir', dataDir, '--temp-dir', scratch])
    child.stdout.destroy()
    const { code, stderr } = await ended
    expect([code, stderr]).toEqual([3, expect.stringContaining('EPIPE')])
  })

  it('ends with 2 where the command line or a setting is wrong, with 3 where it cannot be carried out', async () => {
    const stderr = (text: string): unknown => expect.stringContaining(text)
    expect(await run('--sequence', 'x')).toMatchObject({ code: 2 })
    expect(await run('--as-of', 'x')).toMatchObject({ code: 2 })
    expect(await run('--as-of', '1', '--sequence', '1')).toMatchObject({ code: 2 })
    expect(await run('--temp-dir', '/nonexistent')).toMatchObject({ code: 2, stderr: stderr('--temp-dir') })
    // A folder in which nobody can make another.
    expect(await run('--temp-dir', '/proc')).toMatchObject({
      code: 3,
      stderr: stderr('goes into /proc, which cannot be written'),
    })
    expect(await run('--data-dir', '/nonexistent')).toMatchObject({ code: 2, stderr: stderr('--data-dir') })
    const unreachable = await run('--event-store-url', 'esdb://127.0.0.1:9?tls=false')
    expect(unreachable).toMatchObject({ code: 3, stdout: '' })
    const file = join(dataDir, 'read-model.db')
    writeFileSync(file, 'This is no database. '.repeat(1000))
    expect(await run()).toMatchObject({ code: 3, stderr: stderr('not a database') })
    for (const file of readdirSync(dataDir)) if (file.startsWith('read-model')) rmSync(join(dataDir, file))
    expect(await run()).toMatchObject({ code: 3, stderr: stderr('There is no read model') })
  })
})
