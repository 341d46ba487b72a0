import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import Database from 'better-sqlite3'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { EmbeddedEventStore } from '../../src/event-store/embedded-event-store.js'
import { eventStoreContract } from '../contract/event-store.contract.js'
import { collect, newEvent } from '../controls.js'

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

  it('keeps every event of an append of any length as it was, with its own metadata', async () => {
    const requests = ['req_1', 'req_2', 'req_3']
    let expectedRevision = 0
    for (const length of [1, 15, 16, 17, 31, 32, 33, 100]) {
      const events = Array.from({ length }, (_, n) => {
        const event = newEvent({ n, text: 'a line\nand another \u2028 "quoted"' })
        const correlationId = requests[Math.floor(n / 7) % requests.length] as string
        return { ...event, metadata: { ...event.metadata, correlationId } }
      })
      const [outcome] = await store.append([{ stream: 'c-1', expectedRevision, events }])
      const stored = await collect(store.readStream('c-1', { after: expectedRevision }))
      expect(stored).toMatchObject(events)
      expectedRevision += length
      expect(outcome).toEqual({ status: 'appended', revision: expectedRevision, position: stored.at(-1)?.position })
    }
  })

  it('flushes every commit: synchronous is FULL and the journal is a WAL', async () => {
    await store.append([{ stream: 'c-1', expectedRevision: 0, events: [newEvent()] }])
    const log = new Database(file)
    expect(log.pragma('journal_mode', { simple: true })).toBe('wal')
    log.close()
  })

  it('refuses to change or delete an event, whoever asks', async () => {
    await store.append([{ stream: 'c-1', expectedRevision: 0, events: [newEvent({ n: 1 })] }])
    const log = new Database(file)
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

  it('protects a file that an earlier version made in the same way', async () => {
    await store.append([{ stream: 'c-1', expectedRevision: 0, events: [newEvent({ n: 1 })] }])
    await store.close()
    const log = new Database(file)
    log.exec('DROP TRIGGER events_are_never_replaced; DROP TRIGGER streams_are_never_replaced')
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
    expect((await appends).flat().every(({ status }) => status === 'appended')).toBe(true)
    const [late] = await store.append([{ stream: 'c-x', expectedRevision: 0, events: [newEvent()] }])
    expect(late!.status).toBe('unavailable')
  })

  it('answers that nothing was written while another process holds the file, and works again afterwards', async () => {
    await store.append([{ stream: 'c-1', expectedRevision: 0, events: [newEvent()] }])
    const holder = new Database(file)
    holder.exec('BEGIN IMMEDIATE')
    const blocked = store.append([{ stream: 'c-1', expectedRevision: 1, events: [newEvent()] }])
    expect((await blocked)[0]!.status).toBe('unavailable')
    holder.exec('ROLLBACK')
    holder.close()
    const [outcome] = await store.append([{ stream: 'c-1', expectedRevision: 1, events: [newEvent()] }])
    expect(outcome).toMatchObject({ status: 'appended', revision: 2 })
  })

  it('says what is wrong with a file of another format', async () => {
    const path = join(folder, 'newer.db')
    const newer = new Database(path)
    newer.pragma('user_version = 99')
    newer.close()
    expect(() => new EmbeddedEventStore(path)).toThrow('has format 99')
  })

  it('names the event that is not JSON', async () => {
    await store.append([{ stream: 'c-1', expectedRevision: 0, events: [newEvent()] }])
    const log = new Database(file)
    log.exec('DROP TRIGGER events_are_never_changed')
    log.exec(`UPDATE events SET data = '{'`)
    log.close()
    await expect(collect(store.readStream('c-1'))).rejects.toThrow('Event 1 of stream c-1 (position 1) is not JSON.')
  })

  it.each([
    ['nothing', ['{}', '', '{},{}'], 2],
    ['two', ['{},{}', '{}', '{}'], 1],
    ['half of an array', ['{}', '[1', '2]'], 2],
    ['half of an array, and two', ['{}', '[{}', '{}]', '{},{},{}'], 2],
  ])('names the event that is %s, although together with its neighbours it is JSON', async (_, texts, named) => {
    const events = texts.map(() => newEvent())
    await store.append([{ stream: 'c-1', expectedRevision: 0, events }])
    const log = new Database(file)
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
