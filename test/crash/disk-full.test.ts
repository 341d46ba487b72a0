/** A disk with no room left. The limit on the size of a file stands in for it: it needs no rights, and writes fail as they would. */
import { afterEach, beforeEach, expect, it } from '@jest/globals'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Answer } from '../api-client.js'
import { SAME_LINES_INTERVAL_MS, SAME_LINES_MAX } from '../../src/repeated-lines.js'
import { startServiceProcess, type ServiceProcess } from '../service-process.js'

/** Of one file. Beyond the 4 MiB at which a write-ahead log is taken into its database. */
const FILE_KIB_MAX = 8 * 1024
const EVENTS_MAX = 2_000
const RANGE_S = 86_400

let dataDir: string
let service: ServiceProcess
const withLimit = (command: readonly string[]): readonly string[] => [
  'bash',
  '-c',
  `ulimit -S -f ${FILE_KIB_MAX}; exec "$@"`,
  'bash',
  ...command,
]
beforeEach(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'meterbook-full-'))
  service = await startServiceProcess({ DATA_DIR: dataDir, LOG_LEVEL: 'warn' }, withLimit)
})
afterEach(async () => {
  await service.kill()
  rmSync(dataDir, { recursive: true })
})

interface ProjectionAnswer {
  readonly lag_events: number
  readonly rebuild: { readonly status: string; readonly waiting_reason: string | null } | null
}

async function restarted(): Promise<void> {
  await service.kill()
  service = await startServiceProcess({ DATA_DIR: dataDir, LOG_LEVEL: 'warn' })
}

/** Of the service that runs. */
function limitFileSize(bytes: string): void {
  execFileSync('prlimit', [`--fsize=${bytes}:`, '--pid', String(service.pid)])
}

function report(identifier: string): Promise<Answer> {
  const payload: Record<string, string> = { 'payload[stripe_customer_id]': 'cus_A', 'payload[value]': '1' }
  for (let key = 0; key < 45; key++) payload[`payload[note${key}]`] = 'x'.repeat(500)
  return service.api.post('/v1/billing/meter_events', { event_name: 'tokens', identifier, ...payload })
}

function cancel(identifier: string): Promise<Answer> {
  const form = { event_name: 'tokens', type: 'cancel', 'cancel[identifier]': identifier }
  return service.api.post('/v1/billing/meter_event_adjustments', form)
}

it('is answered 503 and logged; reads go on; with room again, all that was acknowledged is there', async () => {
  const form = { display_name: 'Tokens', event_name: 'tokens', 'default_aggregation[formula]': 'count' }
  const { body: meter } = await service.api.post('/v1/billing/meters', form)
  const day = Math.floor(Date.now() / 1000 / RANGE_S) * RANGE_S
  const usage = async (): Promise<unknown> => {
    const range = { customer: 'cus_A', start_time: String(day - RANGE_S), end_time: String(day + 2 * RANGE_S) }
    const { status, body } = await service.api.get(`/v1/billing/meters/${meter.id}/event_summaries`, range)
    return status === 200 ? body.data?.[0]?.aggregated_value : { status, body }
  }

  const began = performance.now()
  // A cancelled event is in the log twice and in the read model once, so that it is the log that is full first.
  let counted = 0
  const refused: { answer: Answer; again: () => Promise<Answer>; counts: number }[] = []
  const send = async (again: () => Promise<Answer>, counts: number): Promise<void> => {
    if (refused.length > 0) return
    const answer = await again()
    if (answer.status === 200) counted += counts
    else refused.push({ answer, again, counts })
  }
  for (let event = 0; refused.length === 0 && event < EVENTS_MAX; event++) {
    await send(() => report(`event-${event}`), 1)
    await send(() => cancel(`event-${event}`), -1)
    if (event % 10 === 0) await send(() => report(`kept-${event}`), 1)
  }
  expect(refused).toHaveLength(1)
  const [{ answer, again, counts }] = refused as [(typeof refused)[0]]
  expect(answer).toMatchObject({ status: 503, body: { error: { type: 'api_error' } } })
  expect(answer.headers).toHaveProperty('retry-after')
  await service.printed(/"level":50.*(disk I\/O error|database or disk is full)/)
  expect(await usage()).toBe(counted)
  const readiness = await fetch(`${service.url}/readyz`)
  expect(readiness.status).toBe(503)
  expect(await readiness.json()).toMatchObject({
    event_store: 'reachable',
    reason: 'The event log cannot be written. The log of the service says why.',
  })
  // Callers try again all at once, and the log is not flooded, for it may be on that disk.
  for (let round = 0; round < 10; round++) await Promise.all(Array.from({ length: 30 }, again))
  const minutes = Math.ceil((performance.now() - began) / SAME_LINES_INTERVAL_MS)
  const told = service.log.split('\n').filter((line) => line.includes('A request was refused for now.'))
  expect(told.length).toBeLessThanOrEqual((SAME_LINES_MAX + 1) * minutes)

  await restarted()
  // What was refused may have been written at the very end; sent again, it counts once all the same.
  const { status, body } = await again()
  expect(status === 200 || /^An event already exists with identifier/.test(String(body.error?.message))).toBe(true)
  expect(await usage()).toBe(counted + counts)
}, 120_000)

it('is no hindrance any more once there is room again, though nobody sent anything meanwhile', async () => {
  const form = { display_name: 'Tokens', event_name: 'tokens', 'default_aggregation[formula]': 'count' }
  await service.api.post('/v1/billing/meters', form)
  const ready = async (): Promise<number> => (await fetch(`${service.url}/readyz`)).status
  expect((await report('before')).status).toBe(200)
  expect(await ready()).toBe(200)
  limitFileSize('1')
  expect((await report('refused')).status).toBe(503)
  expect(await ready()).toBe(503)
  limitFileSize('unlimited')
  while ((await ready()) !== 200);
  await service.printed(/"level":40.*"reason":"The event log cannot be written\..*The service is not ready\./)
  // It may have been settled by now.
  const { status, body } = await report('refused')
  expect(status === 200 || /^An event already exists with identifier/.test(String(body.error?.message))).toBe(true)
  expect((await report('after')).status).toBe(200)
}, 60_000)

it.each([
  ['be begun', 1, 1],
  // The new rows do not fit into a write-ahead log that may grow no more.
  ['go on', FILE_KIB_MAX * 1024, 40],
])(
  'keeps a rebuild waiting that cannot %s, which says why, until there is room',
  async (_, fileBytesMax, rounds) => {
    await restarted()
    const form = { display_name: 'Tokens', event_name: 'tokens', 'default_aggregation[formula]': 'count' }
    await service.api.post('/v1/billing/meters', form)
    for (let round = 0; round < rounds; round++) {
      const answers = await Promise.all(Array.from({ length: 20 }, (_, n) => report(`event-${round}-${n}`)))
      expect(answers.map(({ status }) => status)).toEqual(answers.map(() => 200))
    }
    const projection = async (): Promise<ProjectionAnswer> => {
      const { body } = await service.api.get('/meterbook/v1/projections/usage-index', {})
      return body as unknown as ProjectionAnswer
    }
    while ((await projection()).lag_events > 0);
    limitFileSize(String(fileBytesMax))
    expect((await service.api.post('/meterbook/v1/projections/rebuild', {})).status).toBe(202)
    await service.printed(/A rebuild cannot go on and is tried again: .*(disk I\/O error|database or disk is full)/)
    let state = (await projection()).rebuild
    for (; state?.waiting_reason === null; state = (await projection()).rebuild) expect(state.status).toBe('building')
    expect(state).toMatchObject({ failure: null, waiting_reason: expect.stringContaining('read-model.db') })

    limitFileSize('unlimited')
    do {
      state = (await projection()).rebuild
      expect(state).toMatchObject({ failure: null })
    } while (state?.status !== 'completed')
    expect(state).toMatchObject({ difference_count: 0, failure: null, waiting_reason: null })
  },
  120_000,
)
