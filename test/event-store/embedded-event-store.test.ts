import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EmbeddedEventStore } from '../../src/event-store/embedded-event-store.js'
import { openEventLog } from '../../src/event-store/embedded-event-log.js'
import {
  APPEND_EVENTS_MAX,
  EventStoreRefusing,
  EventStoreUnavailable,
  READ_PAGE_EVENTS,
} from '../../src/event-store/event-store.js'
import { SqliteDatabase } from '../../src/sqlite.js'
import { eventStoreContract } from '../contract/event-store.contract.js'
import { collect, metadata, newEvent } from '../controls.js'

function temporaryFolder(): string {
  return mkdtempSync(join(tmpdir(), 'meterbook-'))
}

eventStoreContract('The embedded store', async () => {
  const folder = temporaryFolder()
  const file = join(folder, 'events.db')
  const store = new EmbeddedEventStore(file)
  const other = new EmbeddedEventStore(file)
  return {
    store,
    other,
    close: async () => {
      await Promise.all([store.close(), other.close()])
      rmSync(folder, { recursive: true })
    },
  }
})

describe('The embedded store', () => {
  let folder: string
  let file: string
  let store: EmbeddedEventStore

  beforeEach(() => {
    folder = temporaryFolder()
    file = join(folder, 'events.db')
    store = new EmbeddedEventStore(file)
  })
  afterEach(async () => {
    await store.close()
    rmSync(folder, { recursive: true })
  })

  it('has its events after it was closed and opened again', async () => {
    const event = newEvent({ n: 1 })
    await store.append([{ stream: 'c-1', expectedRevision: 0, events: [event] }])
    await store.close()
    store = new EmbeddedEventStore(file)
    expect(await collect(store.readStream('c-1'))).toMatchObject([event])
  })

  it('lets others of its thread in between the pages of a long reading, also where none of their events is wanted', async () => {
    const lengths = Array<number>(4).fill(READ_PAGE_EVENTS)
    for (const [at, length] of lengths.entries()) {
      const events = Array.from({ length }, (_, n) => newEvent({ n }))
      await store.append([{ stream: 'c-1', expectedRevision: at * READ_PAGE_EVENTS, events }])
    }
    for (const category of ['c', 'd']) {
      let turns = 0
      let next = setImmediate(function count() {
        turns++
        next = setImmediate(count)
      })
      await collect(store.readAll({ after: null, categories: [category] }))
      clearImmediate(next)
      expect(turns).toBeGreaterThanOrEqual(lengths.length)
    }
  })

  it('keeps every event of an append of any length as it was, with its own metadata', async () => {
    // Events of one request share theirs, and it is written once.
    const requests = ['req_1', 'req_2', 'req_3'].map((correlationId) => ({ ...metadata, correlationId }))
    let expectedRevision = 0
    for (const length of [1, 15, 16, 17, 31, 32, 33, 100]) {
      const events = Array.from({ length }, (_, n) => ({
        ...newEvent({ n, text: 'a line\nand another \u2028 "quoted"' }),
        metadata: requests[Math.floor(n / 7) % requests.length]!,
      }))
      const [outcome] = await store.append([{ stream: 'c-1', expectedRevision, events }])
      const stored = await collect(store.readStream('c-1', { after: expectedRevision }))
      expect(stored).toMatchObject(events)
      expectedRevision += length
      expect(outcome).toEqual({ status: 'appended', revision: expectedRevision, position: stored.at(-1)?.position })
    }
  })

  it('flushes every commit: synchronous is FULL and the journal is a WAL', async () => {
    await store.append([{ stream: 'c-1', expectedRevision: 0, events: [newEvent()] }])
    const log = openEventLog(file)
    expect(log.pragma('journal_mode', { simple: true })).toBe('wal')
    const FULL = 2
    expect(log.pragma('synchronous', { simple: true })).toBe(FULL)
    log.close()
  })

  it('refuses to change or delete an event, whoever asks', async () => {
    await store.append([{ stream: 'c-1', expectedRevision: 0, events: [newEvent({ n: 1 })] }])
    const log = new SqliteDatabase(file)
    expect(() => log.exec(`UPDATE events SET data = '{}'`)).toThrow('events are never changed')
    expect(() => log.exec('DELETE FROM events')).toThrow('events are never deleted')
    expect(() => log.exec(`UPDATE streams SET name = 'x'`)).toThrow('streams are never changed')
    for (const replacing of [
      `INSERT OR REPLACE INTO events SELECT position, stream_id, revision, id, type, '{}', metadata FROM events`,
      `INSERT OR REPLACE INTO events SELECT position + 1, stream_id, revision, id, type, '{}', metadata FROM events`,
      `INSERT OR REPLACE INTO events SELECT position, stream_id, revision + 1, id, type, '{}', metadata FROM events`,
    ]) {
      expect(() => log.exec(replacing)).toThrow('events are never replaced')
    }
    expect(() => log.exec(`INSERT OR REPLACE INTO streams SELECT stream_id, 'x' FROM streams`)).toThrow(
      'streams are never replaced',
    )
    log.close()
    expect(await collect(store.readStream('c-1'))).toMatchObject([{ data: { n: 1 } }])
  })

  it.each([
    'DROP TRIGGER events_are_never_replaced; DROP TRIGGER streams_are_never_replaced',
    'DROP TRIGGER events_are_never_replaced',
  ])('protects a file that an earlier version made in the same way: %s', async (lacking) => {
    await store.append([{ stream: 'c-1', expectedRevision: 0, events: [newEvent({ n: 1 })] }])
    await store.close()
    const log = new SqliteDatabase(file)
    log.exec(lacking)
    store = new EmbeddedEventStore(file)
    expect(await collect(store.readStream('c-1'))).toMatchObject([{ data: { n: 1 } }])
    expect(() => log.exec('INSERT OR REPLACE INTO events SELECT * FROM events')).toThrow('events are never replaced')
    log.close()
  })

  it('settles what is under way before it closes, and takes nothing afterwards', async () => {
    const appends = Promise.all(
      Array.from({ length: 50 }, (_, n) =>
        store.append([{ stream: `c-${n}`, expectedRevision: 0, events: [newEvent()] }]),
      ),
    )
    await store.close()
    // The last connection to a file takes its write-ahead log away.
    expect(existsSync(`${file}-wal`)).toBe(false)
    expect((await appends).flat().every(({ status }) => status === 'appended')).toBe(true)
    const [late] = await store.append([{ stream: 'c-x', expectedRevision: 0, events: [newEvent()] }])
    expect(late!.status).toBe('unavailable')
    const closed = new EventStoreUnavailable('The event store is closed.')
    await expect(collect(store.readStream('c-1'))).rejects.toThrow(closed)
    await expect(store.check()).rejects.toThrow(closed)
  })

  it('ends subscriptions without an error when it is closed', async () => {
    const items: string[] = []
    const signal = new AbortController().signal
    for await (const item of store.subscribe({ after: null, categories: ['c'], signal })) {
      items.push(item.type)
      await store.close()
    }
    expect(items).toEqual(['caught-up'])
  })

  it('refuses a position that no number holds', () => {
    expect(store.parsePosition('9007199254740991')).toBe('9007199254740991')
    expect(store.parsePosition('9007199254740993')).toBeNull()
  })

  it('refuses an id or a type of several lines, and writes nothing', async () => {
    for (const wrong of [{ id: 'a\nb' }, { type: 'Tested\nTwice' }]) {
      const events = [newEvent(), { ...newEvent(), ...wrong }]
      const [outcome] = await store.append([{ stream: 'c-1', expectedRevision: 0, events }])
      expect(outcome!.status).toBe('rejected')
    }
    expect(await collect(store.readStream('c-1'))).toEqual([])
  })

  it('gives large events a few at a time once it has met them', async () => {
    const events = Array.from({ length: 5 }, (_, n) => newEvent({ n, text: 'x'.repeat(2_200_000) }))
    await store.append([{ stream: 'c-1', expectedRevision: 0, events }])
    const numbersOfPages = async (): Promise<unknown[][]> => {
      const pages: unknown[][] = []
      for await (const page of store.readAll({ after: null, categories: ['c'] }))
        pages.push(page.map(({ data }) => data.n))
      return pages
    }
    expect((await numbersOfPages()).flat()).toEqual([0, 1, 2, 3, 4])
    expect(await numbersOfPages()).toEqual([[0, 1, 2, 3], [4]])
  })

  it('answers that nothing was written while another process holds the file, and works again afterwards', async () => {
    await store.append([{ stream: 'c-1', expectedRevision: 0, events: [newEvent()] }])
    const holder = new SqliteDatabase(file)
    holder.exec('BEGIN IMMEDIATE')
    const blocked = store.append([{ stream: 'c-1', expectedRevision: 1, events: [newEvent()] }])
    expect((await blocked)[0]!.status).toBe('unavailable')
    holder.exec('ROLLBACK')
    holder.close()
    // It is not called usable before something could be stored, and a conflict stores nothing.
    await expect(store.check()).rejects.toThrow(EventStoreRefusing)
    const [conflict] = await store.append([{ stream: 'c-1', expectedRevision: 0, events: [newEvent()] }])
    expect(conflict).toEqual({ status: 'conflict', revision: 1 })
    await expect(store.check()).rejects.toThrow(EventStoreRefusing)
    const [outcome] = await store.append([{ stream: 'c-1', expectedRevision: 1, events: [newEvent()] }])
    expect(outcome).toMatchObject({ status: 'appended', revision: 2 })
    await expect(store.check()).resolves.toBeUndefined()
  })

  it('takes back all of a transaction that fails, and goes on from what is there', async () => {
    await store.append([{ stream: 'c-1', expectedRevision: 0, events: [newEvent({ n: 1 })] }])
    const log = new SqliteDatabase(file)
    log.exec(`CREATE TRIGGER failing BEFORE INSERT ON events WHEN NEW.type = 'Failing'
      BEGIN SELECT RAISE(ABORT, 'it fails'); END`)
    log.close()
    const failed = await store.append([
      { stream: 'c-1', expectedRevision: 1, events: [newEvent(), newEvent({}, 'Failing')] },
      { stream: 'c-2', expectedRevision: 0, events: [newEvent()] },
    ])
    expect(failed).toEqual(Array(2).fill({ status: 'unavailable', message: 'it fails' }))
    expect(await store.append([{ stream: 'c-1', expectedRevision: 1, events: [newEvent({ n: 2 })] }])).toMatchObject([
      { status: 'appended', revision: 2, position: '2' },
    ])
    const events = await collect(store.readAll({ after: null, categories: ['c'] }))
    expect(events.map(({ data }) => data)).toEqual([{ n: 1 }, { n: 2 }])
  })

  it('takes more at once than it writes in one transaction', async () => {
    const appends = Array.from({ length: 12 }, (_, n) => ({
      stream: `c-${n}`,
      expectedRevision: 0,
      events: Array.from({ length: APPEND_EVENTS_MAX }, () => newEvent()),
    }))
    const outcomes = await Promise.all(appends.map((append) => store.append([append])))
    const positions = appends.map((_, n) => String((n + 1) * APPEND_EVENTS_MAX))
    expect(outcomes.flat()).toEqual(
      positions.map((position) => ({ status: 'appended', revision: APPEND_EVENTS_MAX, position })),
    )
  })

  it('does not know what became of an append whose writing thread ended, and writes it by another one', async () => {
    const log = new SqliteDatabase(file)
    // A thread that begins by now ends at once.
    log.pragma('user_version = 99')
    const appends = ['c-1', 'c-2'].map((stream) => ({ stream, expectedRevision: 0, events: [newEvent()] }))
    const sendEach = () => Promise.all(appends.map(async (append) => (await store.append([append]))[0]))
    expect(await sendEach()).toMatchObject([{ status: 'unknown' }, { status: 'unknown' }])
    log.pragma('user_version = 1')
    log.close()
    const again = sendEach()
    await expect(store.check()).rejects.toThrow(EventStoreRefusing)
    expect(await again).toMatchObject([
      { status: 'appended', revision: 1 },
      { status: 'appended', revision: 1 },
    ])
    await expect(store.check()).resolves.toBeUndefined()
  })

  it('says what is wrong with a file of another format', async () => {
    const path = join(folder, 'newer.db')
    const newer = new SqliteDatabase(path)
    newer.pragma('user_version = 99')
    newer.close()
    expect(() => new EmbeddedEventStore(path)).toThrow('has format 99')
  })

  it('names the event that is not JSON', async () => {
    await store.append([{ stream: 'c-1', expectedRevision: 0, events: [newEvent()] }])
    const log = new SqliteDatabase(file)
    log.exec('DROP TRIGGER events_are_never_changed')
    log.exec(`UPDATE events SET data = '{'`)
    log.close()
    await expect(collect(store.readStream('c-1'))).rejects.toThrow('Event 1 of stream c-1 (position 1) is not JSON.')
  })

  it('names the event whose metadata are not JSON, though those of the one before are', async () => {
    await store.append([{ stream: 'c-1', expectedRevision: 0, events: [newEvent(), newEvent()] }])
    const log = new SqliteDatabase(file)
    log.exec('DROP TRIGGER events_are_never_changed')
    log.exec(`UPDATE events SET metadata = '{' WHERE revision = 2`)
    log.close()
    for (const read of [store.readStream('c-1'), store.readAll({ after: null, categories: ['c'] })]) {
      await expect(collect(read)).rejects.toThrow('Event 2 of stream c-1 (position 2) is not JSON.')
    }
  })

  it.each([
    ['nothing', ['{}', '', '{},{}'], 2],
    ['two', ['{},{}', '{}', '{}'], 1],
    ['half of an array', ['{}', '[1', '2]'], 2],
    ['half of an array, and two', ['{}', '[{}', '{}]', '{},{},{}'], 2],
  ])('names the event that is %s, although together with its neighbours it is JSON', async (_, texts, named) => {
    const events = texts.map(() => newEvent())
    await store.append([{ stream: 'c-1', expectedRevision: 0, events }])
    const log = new SqliteDatabase(file)
    log.exec('DROP TRIGGER events_are_never_changed')
    for (const [index, text] of texts.entries())
      log.prepare('UPDATE events SET data = ? WHERE revision = ?').run(text, index + 1)
    log.close()
    await expect(collect(store.readAll({ after: null, categories: ['c'] }))).rejects.toThrow(
      `Event ${named} of stream c-1 (position ${named}) is not JSON.`,
    )
    // Who does not want it is not kept from what follows.
    await store.append([{ stream: 'd-1', expectedRevision: 0, events: [newEvent({ n: 1 })] }])
    expect(await collect(store.readAll({ after: null, categories: ['d'] }))).toMatchObject([{ data: { n: 1 } }])
  })
})
