/**
 * Thousands of bad requests against one service. Whatever comes: an answer in time, in the envelope, never a 5xx, and nothing
 * changed that was not acknowledged. `METERBOOK_FUZZ_ROUNDS` and `METERBOOK_FUZZ_SEED` make it longer or repeat it.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type Database from 'better-sqlite3'
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { EVENT_LOG_FILE } from '../../src/event-store/open-event-store.js'
import { SqliteDatabase } from '../../src/sqlite.js'
import { NOW } from '../controls.js'
import { exchange, rawRequest, type RawAnswer } from '../raw-http.js'
import { Random, seedFrom } from '../random.js'
import { FixedClock, startRunningService, stores, TEST_KEY, type RunningService } from '../running-service.js'
import { kinds, METER_EVENT, type FuzzRequest } from './requests.js'

const REQUESTS_OF_A_KIND = 120 * Number(process.env.METERBOOK_FUZZ_ROUNDS ?? 1)
const AT_ONCE = 16
const DEADLINE_MS = 15_000
const TIMEOUT_MS = 60_000
const MEMORY_GROWTH_BYTES_MAX = 400 * 1024 * 1024
/** Refusals without a code: v1's duplicate identifier, as at Stripe, and a type that says it all. */
const WITHOUT_CODE = /^An event already exists with identifier |^Keys for idempotent requests /
/** What is answered with a position although nothing was appended. */
const STORES_NOTHING: ReadonlySet<string> = new Set(['list', 'meterbook.meter_preview'])
const INNARDS = /node_modules|node:internal|\.[jt]s:\d+|^\s+at |SQLITE|sqlite/m

const seed = seedFrom('METERBOOK_FUZZ_SEED')
let service: RunningService
let log: Database.Database
let meter: string
let memoryBefore: number

beforeAll(async () => {
  console.log(`METERBOOK_FUZZ_SEED=${seed}`)
  service = await startRunningService(stores[0], new FixedClock(NOW))
  log = new SqliteDatabase(join(service.dataDir, EVENT_LOG_FILE), { readonly: true })
  const { billing } = service.stripe
  const created = await billing.meters.create({
    display_name: 'Fuzz',
    event_name: 'fuzz_tokens',
    default_aggregation: { formula: 'sum' },
  })
  meter = created.id
  for (let event = 0; event < 20; event++) {
    await billing.meterEvents.create({
      event_name: 'fuzz_tokens',
      identifier: `i${event}`,
      payload: { stripe_customer_id: 'cus_1', value: '1' },
    })
  }
  memoryBefore = process.memoryUsage().rss
})
afterAll(async () => {
  log.close()
  await service.close()
})

function eventsInLog(): number {
  return log.prepare<[], { events: number }>('SELECT count(*) AS events FROM events').get()?.events ?? 0
}

/** Everything the API tells of the ledger. */
async function stateDigest(): Promise<string> {
  const hash = createHash('sha256')
  for (const path of ['/v1/billing/meters', '/meterbook/v1/meter_events']) {
    for (let after = '', more = true; more;) {
      const response = await fetch(`${service.url}${path}?limit=100${after}`, {
        headers: { authorization: `Bearer ${TEST_KEY}` },
      })
      const page = (await response.json()) as { data: { id: string }[]; has_more: boolean }
      hash.update(JSON.stringify(page.data))
      after = `&starting_after=${encodeURIComponent(page.data.at(-1)?.id ?? '')}`
      more = page.has_more
    }
  }
  return hash.digest('hex')
}

/** Whether the answer acknowledges an event. A preview tells a position too, and stores nothing. */
function check(answer: RawAnswer, request: FuzzRequest): boolean {
  const { status, headers, body } = answer
  const told = { status, body: body.toString().slice(0, 500), request: request.bytes.toString('latin1').slice(0, 500) }
  expect({ ...told, status: status < 500 ? status : 'a 5xx' }).toEqual(told)
  expect({ ...told, id: headers.get('request-id') }).toEqual({ ...told, id: expect.stringMatching(/^req_\w{14}$/) })
  expect(told.body).not.toMatch(INNARDS)
  if (status < 300 && !headers.get('content-type')?.startsWith('application/json')) return false
  const json = JSON.parse(body.toString()) as { error?: Record<string, unknown>; object?: string }
  if (status < 300) {
    expect(json.error).toBeUndefined()
  } else {
    const { error } = json
    expect({ ...told, error }).toEqual({
      ...told,
      error: expect.objectContaining({ type: expect.any(String), message: expect.stringMatching(/\w/) }),
    })
    if (!WITHOUT_CODE.test(String(error?.message))) expect(error).toHaveProperty('code')
  }
  return (
    status < 300 && headers.has('meterbook-position') && !STORES_NOTHING.has(String(json.object)) && isPost(request)
  )
}

function isPost({ bytes }: FuzzRequest): boolean {
  return bytes.subarray(0, 5).toString('latin1') === 'POST '
}

describe('The service survives', () => {
  it.each(Object.keys(kinds))(
    '%s',
    async (kind) => {
      const random = new Random(seed + Object.keys(kinds).indexOf(kind))
      const next = kinds[kind] as (typeof kinds)[string]
      const before = { events: eventsInLog(), digest: await stateDigest() }
      let acknowledged = 0
      let left = REQUESTS_OF_A_KIND
      const worker = async (): Promise<void> => {
        while (left-- > 0) {
          const request = next(random, meter)
          const told = request.bytes.toString('latin1').slice(0, 300)
          const { answers, ended } = await exchange(service.port, request.bytes, {
            ...request,
            deadlineMs: DEADLINE_MS,
          })
          expect({ ended, told }).not.toEqual({ ended: 'timed out', told })
          if (!request.mayBeSilent)
            expect({ told, answers: answers.length }).toEqual({ told, answers: request.answers ?? 1 })
          for (const answer of answers) if (check(answer, request)) acknowledged++
        }
      }
      const workers = Array.from({ length: AT_ONCE }, () => worker().finally(() => (left = 0)))
      const failed = (await Promise.allSettled(workers)).find(({ status }) => status === 'rejected')
      if (failed) throw (failed as PromiseRejectedResult).reason
      expect(eventsInLog() - before.events).toBe(acknowledged)
      if (acknowledged === 0) expect(await stateDigest()).toBe(before.digest)
      expect(({} as Record<string, unknown>).polluted).toBeUndefined()
      expect(Object.keys(Object.prototype)).toEqual([])
    },
    TIMEOUT_MS,
  )

  it('and answers a good request, with its memory bounded', async () => {
    const headers = [`Authorization: Bearer ${TEST_KEY}`, 'Content-Type: application/x-www-form-urlencoded']
    const { id } = await service.stripe.billing.meters.create({
      display_name: 'After',
      event_name: 'after_fuzz',
      default_aggregation: { formula: 'sum' },
    })
    const body = 'event_name=after_fuzz&payload[stripe_customer_id]=cus_after&payload[value]=7'
    const { answers } = await exchange(service.port, rawRequest('POST', METER_EVENT, headers, body), {
      deadlineMs: DEADLINE_MS,
    })
    expect(answers.map(({ status }) => status)).toEqual([200])
    const today = Math.floor(NOW / 86_400_000) * 86_400
    const range = { customer: 'cus_after', start_time: today, end_time: today + 86_400 }
    const { data } = await service.stripe.billing.meters.listEventSummaries(id, range)
    expect(data.map(({ aggregated_value }) => aggregated_value)).toEqual([7])
    expect(process.memoryUsage().rss - memoryBefore).toBeLessThan(MEMORY_GROWTH_BYTES_MAX)
  })
})
