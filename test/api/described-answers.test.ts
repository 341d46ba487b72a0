/**
 * Every operation answers as it is described: a client made from the description understands all it is told. Real answers
 * of a running service, with each of its states, are held against the description that the service itself serves.
 */
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { Validator } from '@seriousme/openapi-schema-validator'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { DAY_MS } from '../../src/domain/time-bucket.js'
import { READ_MODEL_FILE } from '../../src/read-model/open-read-model.js'
import { NOW } from '../controls.js'
import { DescribedApi, type Body, type Operation } from '../described-api.js'
import { bearer, LiveStream } from '../live-stream.js'
import { FixedClock, seconds, startRunningService, stores, TEST_KEY, type RunningService } from '../running-service.js'
import { changeCells } from '../tampering.js'

const start = Math.floor(NOW / DAY_MS) * DAY_MS
const today = { start_time: String(seconds(start)), end_time: String(seconds(start + DAY_MS)) }

let service: RunningService
let api: DescribedApi
/** Id of a meter with a dimension, and of one that counts only the last event of each hour. */
let tokens: string
let seats: string

beforeAll(async () => {
  service = await startRunningService(stores[0], new FixedClock())
  api = await DescribedApi.of(service.url, TEST_KEY)
  const meter = (event_name: string, form: Readonly<Record<string, string>>) =>
    api.succeed('createMeter', { form: { display_name: event_name, event_name, ...form } })
  tokens = (await meter('tokens', { 'default_aggregation[formula]': 'sum', 'dimension_payload_keys[]': 'model' })).id
  seats = (await meter('seats', { 'default_aggregation[formula]': 'last', event_time_window: 'hour' })).id
  await meter('calls', { 'default_aggregation[formula]': 'count' })
  for (const [identifier, customer, value] of [
    ['t-1', 'cus_A', '0.1'],
    ['t-2', 'cus_A', '999999999999.123'],
    ['t-3', 'cus_B', '7'],
  ] as const) {
    await api.succeed('createMeterEvent', { form: reported('tokens', identifier, customer, value, { model: 'big' }) })
  }
  for (const n of [1, 2]) {
    await api.succeed('createMeterEvent', { form: reported('seats', `s-${n}`, 'cus_A', String(n)) })
  }
  await api.succeed('createMeterEvent', { form: reported('calls', 'c-1', 'cus_A', '1') })
  await api.succeed('createMeterEventAdjustment', {
    form: { event_name: 'tokens', type: 'cancel', 'cancel[identifier]': 't-1' },
  })
})
afterAll(() => service.close())

function reported(
  event_name: string,
  identifier: string,
  customer: string,
  value: string,
  payload: Readonly<Record<string, string>> = {},
): Record<string, string> {
  return {
    event_name,
    identifier,
    'payload[stripe_customer_id]': customer,
    'payload[value]': value,
    ...Object.fromEntries(Object.entries(payload).map(([key, text]) => [`payload[${key}]`, text])),
  }
}

const event = (identifier: string, more: object = {}) => ({
  event_name: 'tokens',
  identifier,
  payload: { stripe_customer_id: 'cus_A', value: '1', model: 'small' },
  ...more,
})

/** Asks until it is so. */
async function until<Answer>(ask: () => Promise<Answer>, isSo: (answer: Answer) => boolean): Promise<Answer> {
  for (;;) {
    const answer = await ask()
    if (isSo(answer)) return answer
    await delay(20)
  }
}

describe('The API description', () => {
  it('is valid OpenAPI', async () => {
    const { valid, errors = [] } = await new Validator().validate({ ...api.description })
    expect({ valid, errors }).toEqual({ valid: true, errors: [] })
  })

  it('gives each operation a name of its own, a summary, and what it answers when it is refused', () => {
    const names = api.operations.map(({ name }) => name)
    expect(new Set(names).size).toBe(names.length)
    expect(names.filter((name) => !/^[a-z][a-zA-Z0-9]+$/.test(name))).toEqual([])
    expect(api.operations.filter(({ described }) => described.summary === '')).toEqual([])
    for (const { path, described } of api.operations) {
      const version = path.startsWith('/v2/') ? 'V2Error' : 'V1Error'
      expect(described.responses).toMatchObject({ default: { $ref: `#/components/responses/${version}` } })
    }
  })

  it('says which operations need a key', async () => {
    const unlike: unknown[] = []
    for (const { name, described } of api.operations) {
      // As a page of the service would ask, so that nothing but the key is missing.
      const { status } = await api.call(name, { key: null, headers: { origin: service.url } })
      if ((status === 401) !== described.security.length > 0) unlike.push({ name, status })
    }
    expect(unlike).toEqual([])
  })

  it('says that parameters it does not name are refused', async () => {
    const taking = ({ described }: Operation) => described.requestBody !== undefined
    const token = (await api.succeed('createMeterEventSession')).authentication_token
    const sent = new Set<string>()
    for (const { name, described } of api.operations.filter(taking)) {
      const { content = {} } = described.requestBody ?? {}
      for (const [type, { schema }] of Object.entries(content)) {
        const named = api.description.components.schemas[schema.$ref?.split('/').at(-1) ?? '']
        expect({ name, named }).toMatchObject({ named: { type: 'object', additionalProperties: false } })
        const unknown = { never_heard_of: 'it' }
        const { status, body } = await api.call(name, {
          path: { id: seats, name: 'meters' },
          ...(type === 'application/json' ? { json: unknown } : { form: unknown }),
          key: name === 'streamMeterEvents' ? token : TEST_KEY,
          headers: { origin: service.url },
        })
        expect({ name, status, body }).toMatchObject({ status: 400, body: { error: { code: 'parameter_unknown' } } })
        sent.add(name)
      }
    }
    expect(sent.size).toBeGreaterThan(15)
  })
})

describe('Answers are as described', () => {
  it('of meters', async () => {
    const path = { id: seats }
    await api.succeed('retrieveMeter', { path })
    await api.succeed('listMeters', { query: { limit: '1' } })
    await api.succeed('updateMeter', { path, form: { display_name: 'Seats' } })
    expect(await api.succeed('deactivateMeter', { path })).toMatchObject({ status: 'inactive' })
    await api.succeed('reactivateMeter', { path })
    const { data } = await api.succeed('listMeterChanges', { path })
    expect(data).toHaveLength(4)
    await api.succeed('retrieveMeterActivity')
    expect((await api.call('retrieveMeter', { path: { id: 'mtr_none' } })).status).toBe(404)
  })

  it('of usage, v2', async () => {
    await api.succeed('createV2MeterEvent', { json: event('v2-1', { timestamp: new Date(NOW).toISOString() }) })
    expect((await api.call('createV2MeterEvent', { json: event('v2-1') })).body).toMatchObject({
      error: { code: 'duplicate_meter_event' },
    })
    const cancelled = { event_name: 'tokens', type: 'cancel', cancel: { identifier: 'v2-1' } }
    await api.succeed('createV2MeterEventAdjustment', { json: cancelled })
    expect((await api.call('createMeterEvent', { form: reported('nobody', 'n-1', 'cus_A', '1') })).status).toBe(400)
  })

  it('of streams, and of what they refused', async () => {
    const { authentication_token: key } = await api.succeed('createMeterEventSession', { json: {} })
    const refused = [event('r-1', { event_name: 'later' }), event('r-2', { payload: {} }), 'no event']
    await api.succeed('streamMeterEvents', { key, json: { events: [event('st-1'), ...refused] } })
    const { data } = await until(
      () => api.succeed('listRejections'),
      (list) => list.data.length === 3,
    )
    const later = data.find(({ identifier }) => identifier === 'r-1') as Body
    await api.succeed('countRejections', { query: { meter: tokens } })
    await api.succeed('countRejections')
    expect((await api.succeed('listRejectionReports')).data).not.toEqual([])
    expect((await api.call('retryRejection', { path: { id: later.id } })).status).toBe(400)
    await api.succeed('createMeter', {
      form: { display_name: 'Later', event_name: 'later', 'default_aggregation[formula]': 'sum' },
    })
    expect(await api.succeed('retryRejection', { path: { id: later.id } })).toMatchObject({ status: 'resolved' })
    await api.succeed('retrieveRejection', { path: { id: later.id } })
    expect(await api.succeed('retryRejections', { json: { limit: 1 } })).toMatchObject({ still_rejected: 1 })
  })

  it('of imports', async () => {
    const events = [event('i-1'), event('i-1'), event('i-2', { payload: {} }), 'no event']
    expect(await api.succeed('importUsage', { json: { events } })).toMatchObject({
      counted: 1,
      duplicates: 1,
      rejected: 2,
    })
  })

  it('of usage records', async () => {
    await api.succeed('listUsageRecords', { query: { limit: '2' } })
    const { data } = await api.succeed('listUsageRecords', { query: { include: 'fate' } })
    const codes = data.map(({ fate }) => fate.code)
    expect(codes).toEqual(expect.arrayContaining(['counted', 'cancelled', 'overwritten']))
    const { events } = await api.succeed('retrieveUsageRecord', { path: { meter: tokens, identifier: 't-1' } })
    await api.succeed('retrieveNamedUsageRecord', { query: { meter: tokens, identifier: 't-1' } })
    expect(events).toHaveLength(2)
  })

  it('of summaries and what they are made of', async () => {
    const path = { id: tokens }
    const query = { ...today, customer: 'cus_A' }
    await api.succeed('listMeterEventSummaries', { path, query })
    await api.succeed('listMeterEventSummaries', {
      path,
      query: { ...query, value_grouping_window: 'hour', 'dimension_group_by_keys[]': 'model' },
    })
    await api.succeed('explainMeterUsage', { path, query })
    const { records } = await api.succeed('explainMeterUsage', { path: { id: seats }, query })
    expect(records.data).toHaveLength(2)
  })

  it('of usage across customers', async () => {
    const path = { id: tokens }
    const grouped = { ...today, value_grouping_window: 'day', 'dimension_group_by_keys[]': 'model' }
    await api.succeed('retrieveMeterUsage', { path, query: grouped })
    await api.succeed('retrieveMeterUsage', {
      path,
      query: { ...today, value_grouping_window: 'hour', customer: 'cus_B', 'dimension_filters[model]': 'big' },
    })
    expect((await api.succeed('listUsageByCustomer', { path, query: today })).total).not.toBeNull()
    const byName = { ...today, order: 'customer', limit: '1' }
    expect((await api.succeed('listUsageByCustomer', { path, query: byName })).total).toBeNull()
    const csv = await api.succeed('listUsageByCustomer', { path, query: today, headers: { accept: 'text/csv' } })
    expect(csv).toContain('customer,value,records')
    await api.succeed('retrieveCustomerUsage', { path: { customer: 'cus_A' }, query: today })
    await api.succeed('retrieveNamedCustomerUsage', { query: { ...today, customer: '..' } })
  })

  it('of previews', async () => {
    const meter = { display_name: 'Tokens', event_name: 'tokens', default_aggregation: { formula: 'last' } }
    const payload = { stripe_customer_id: 'cus_A', value: '1' }
    await api.succeed('previewMeter', {
      json: {
        ...meter,
        event_time_window: 'hour',
        sample_events: [
          { identifier: 'a', payload },
          { identifier: 'a', payload },
          { identifier: 'b', payload: { ...payload, value: '2' } },
          { payload: {} },
        ],
      },
    })
    const history = { start_time: Number(today.start_time), end_time: Number(today.end_time) }
    const compared = { ...meter, compare_to: tokens, value_grouping_window: 'hour', history }
    expect((await api.succeed('previewMeter', { json: compared })).customers).not.toEqual([])
  })

  it('of digests', async () => {
    await api.succeed('retrieveDigest')
    await api.succeed('retrieveDigest', {
      query: { meter: tokens, customer: 'cus_A', 'timestamp[gte]': today.start_time, 'timestamp[lt]': today.end_time },
    })
  })

  const audited = async (form: Readonly<Record<string, string>> = {}): Promise<Body> => {
    const begun = await until(
      () => api.call('createAudit', { form }),
      ({ status }) => status !== 409,
    )
    return until(
      () => api.succeed('retrieveAudit', { path: { id: begun.body.id } }),
      ({ status }) => status !== 'running',
    )
  }
  const rebuilt = (): Promise<Body> =>
    until(
      () => api.succeed('retrieveProjection', { path: { name: 'usage-cells' } }),
      ({ rebuild }) => !['building', 'comparing'].includes(rebuild?.status ?? ''),
    )

  it('of audits and rebuilds', async () => {
    expect(await audited()).toMatchObject({ verdict: 'agrees' })
    expect(await audited({ sequence: '2', meter: tokens, customer: 'cus_A' })).toMatchObject({ verdict: 'agrees' })
    await api.succeed('listAudits')
    expect((await api.succeed('listProjections')).data[0]).toMatchObject({ rebuild: null })
    await api.succeed('rebuildProjections')
    expect(await rebuilt()).toMatchObject({ rebuild: { status: 'completed', difference_count: 0 } })
  })

  it('of audits and rebuilds that find what is wrong', async () => {
    const isWhole = ({ state }: { readonly state: string }) => /^\d+$/.test(state)
    expect(await changeCells(join(service.dataDir, READ_MODEL_FILE), isWhole, '5')).toBeGreaterThan(0)
    const { verdict, findings } = await audited()
    expect(verdict).toBe('differs')
    expect(findings).not.toEqual([])
    await api.succeed('rebuildProjection', { path: { name: 'usage-cells' } })
    expect((await rebuilt()).rebuild?.differences).not.toEqual([])
  })

  it('of changes as they happen', async () => {
    const stream = await LiveStream.open(service.url, bearer(TEST_KEY))
    try {
      api.expectDescribed('a change', { $ref: '#/components/schemas/LiveChange' }, await stream.next())
    } finally {
      stream.close()
    }
    const { content = {} } = api.operation('followChanges').described.responses['200'] ?? {}
    expect(Object.keys(content)).toEqual([String(stream.response.headers['content-type'])])
    api.met.add('followChanges text/event-stream')
  })

  it('of sessions, and of whoever runs the service', async () => {
    const headers = { origin: service.url }
    await api.succeed('signIn', { key: null, form: { api_key: TEST_KEY }, headers })
    await api.succeed('signOut', { key: null, headers })
    await api.succeed('retrieveSession')
    await api.succeed('retrieveSystem')
    await api.succeed('checkHealth')
    await api.succeed('checkReadiness')
  })

  it('of every operation, in every type of content', () => {
    const described = api.operations.flatMap(({ name, described }) =>
      Object.entries(described.responses)
        .filter(([status]) => status.startsWith('2'))
        .flatMap(([, { content = {} }]) => Object.keys(content).map((type) => `${name} ${type}`)),
    )
    expect(described.length).toBeGreaterThan(45)
    expect(described.filter((each) => !api.met.has(each))).toEqual([])
  })
})
