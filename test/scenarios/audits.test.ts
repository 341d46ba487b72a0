/** A running service proves its own numbers, while usage goes on coming in. */
import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type Stripe from 'stripe'
import { DAY_MS } from '../../src/domain/time-bucket.js'
import { READ_MODEL_FILE } from '../../src/read-model/open-read-model.js'
import { SqliteDatabase } from '../../src/sqlite.js'
import { cancel, createMeter, report, type Meter } from '../metered-usage.js'
import { refusalOf } from '../refusal.js'
import { changeCells } from '../tampering.js'
import { FixedClock, onEachStore, type RunningService } from '../running-service.js'

interface Audit {
  readonly id: string
  readonly status: string
  readonly verdict: string | null
  readonly digest: string
  readonly records: number
  readonly sequence: number
  readonly finding_count: number
  readonly outside_count: number
  readonly findings: readonly { readonly kind: string; readonly table: string; readonly meter: string }[]
  readonly failure: string | null
}

const PATH = '/meterbook/v1/audits'
/** Often enough for audits that take a second, which are not to wait for the processor behind the questions. */
const ASKED_AGAIN_MS = 100

onEachStore('Audits', (start) => {
  let service: RunningService
  let meter: Meter
  beforeAll(async () => {
    service = await start(new FixedClock())
    meter = await createMeter(service.stripe)
    for (let n = 0; n < 20; n++) await report(service.stripe, meter, n, { identifier: `n-${n}` })
    await cancel(service.stripe, meter, 'n-7')
  })
  afterAll(() => service.close())

  const begin = (parameters: object = {}, client = service.stripe): Promise<Audit> =>
    client.rawRequest('POST', PATH, parameters) as never
  const find = (id: string, client = service.stripe): Promise<Audit> =>
    client.rawRequest('GET', `${PATH}/${id}`) as never
  const done = async (id: string, client = service.stripe): Promise<Audit> => {
    for (;;) {
      const audit = await find(id, client)
      if (audit.status !== 'running') return audit
      await delay(ASKED_AGAIN_MS)
    }
  }
  const audited = async (parameters: object = {}, client: Stripe = service.stripe): Promise<Audit> => {
    // The thread of the one before may still be ending.
    for (;;) {
      try {
        const begun = await begin(parameters, client)
        expect(begun).toMatchObject({ status: 'running', verdict: null, ended_at: null, sequence: null, ...parameters })
        const ended = await done(begun.id, client)
        expect(ended).toMatchObject({ progress: null, ended_at: expect.any(String) as unknown })
        return ended
      } catch (error) {
        if ((error as { statusCode?: number }).statusCode !== 409) throw error
        await delay(ASKED_AGAIN_MS)
      }
    }
  }

  it('agree with the rows while usage goes on', async () => {
    let isOver = false
    const usage = (async () => {
      for (let n = 100; !isOver; n++) await report(service.stripe, meter, n, { identifier: `n-${n}` })
    })()
    const audit = await audited().finally(() => (isOver = true))
    await usage
    expect(audit).toMatchObject({ object: 'meterbook.audit', status: 'completed', verdict: 'agrees', findings: [] })
  })

  it('run one at a time, and give the digest', async () => {
    const first = await begin()
    const refusal = await refusalOf(begin())
    expect(refusal).toMatchObject({ statusCode: 409, code: 'audit_running' })
    expect(refusal.message).toContain(first.id)
    const foreign = await refusalOf(begin({}, await service.clientWithNewKey({ account: 'other' })))
    expect(foreign).toMatchObject({ statusCode: 409, code: 'audit_running' })
    expect(foreign.message).not.toContain(first.id)
    const { digest, records } = (await service.stripe.rawRequest('GET', '/meterbook/v1/digest')) as unknown as Audit
    expect(await done(first.id)).toMatchObject({ verdict: 'agrees', digest, records })
  })

  it('are listed, the newest first, to their own ledger, also of a customer nobody knows', async () => {
    const list = async (client = service.stripe): Promise<readonly Audit[]> =>
      ((await client.rawRequest('GET', PATH)) as unknown as Stripe.ApiList<Audit>).data
    const known = await list()
    const { sequence } = (await service.stripe.rawRequest('GET', '/meterbook/v1/digest')) as unknown as Audit
    const { id, ...audit } = await audited({ meter: meter.id, customer: 'cus_nobody', sequence })
    expect(audit).toMatchObject({ verdict: 'agrees', records: 0, sequence })
    expect((await list()).map((audit) => audit.id)).toEqual([id, ...known.map((audit) => audit.id)])
    expect(await list(await service.clientWithNewKey({ account: 'other' }))).toEqual([])
  })

  it('are for secret keys, and of usage events that there are', async () => {
    const reader = await service.clientWithNewKey({ role: 'read' })
    expect(await refusalOf(begin({}, reader))).toMatchObject({ code: 'more_permissions_required' })
    expect(await refusalOf(begin({ sequence: -1 }))).toMatchObject({ param: 'sequence' })
    expect(await refusalOf(begin({ sequence: 999_999 }))).toMatchObject({
      param: 'sequence',
      code: 'parameter_invalid',
    })
  })

  it('are of a meter that exists in the ledger, and of times in their order', async () => {
    const other = await service.clientWithNewKey({ account: 'other' })
    for (const refusal of [
      await refusalOf(begin({ meter: 'mtr_none' })),
      await refusalOf(begin({ meter: meter.id }, other)),
    ]) {
      expect(refusal).toMatchObject({ statusCode: 404, code: 'resource_missing', param: 'meter' })
    }
    expect(await refusalOf(begin({ timestamp: { gte: 200, lt: 100 } }))).toMatchObject({
      code: 'parameter_invalid',
      message: 'timestamp[lt] must be after timestamp[gte].',
    })
  })

  const change = (statement: string): void => {
    const database = new SqliteDatabase(join(service.dataDir, READ_MODEL_FILE))
    expect(database.prepare(statement).run().changes).toBe(1)
    database.close()
  }

  it('are told to whoever rows were given to, and to those they were taken from', async () => {
    const other = await service.clientWithNewKey({ account: 'other' })
    const series = `UPDATE usage_series_1 SET customer = 'cus_new' WHERE customer = 'cus_A'`
    change(series)
    for (const customer of ['cus_new', 'cus_A']) {
      expect(await audited({ customer })).toMatchObject({ verdict: 'differs', finding_count: 1, outside_count: 0 })
    }
    expect(await audited({ customer: 'cus_B' })).toMatchObject({
      verdict: 'agrees',
      finding_count: 0,
      outside_count: 1,
    })
    expect(await audited({}, other)).toMatchObject({ verdict: 'agrees', outside_count: 0 })
    change(`UPDATE usage_series_1 SET customer = 'cus_A' WHERE customer = 'cus_new'`)

    // Of each ledger only its own side.
    change(`UPDATE meters_1 SET ledger = 'other~test' WHERE meter_id = '${meter.id}'`)
    expect(await audited()).toMatchObject({
      verdict: 'differs',
      finding_count: 1,
      findings: [{ table: 'meters', expected: { ledger: 'default~test' }, found: null }],
    })
    expect(await audited({}, other)).toMatchObject({
      verdict: 'differs',
      finding_count: 1,
      findings: [{ table: 'meters', expected: null, found: { ledger: 'other~test' } }],
    })
    change(`UPDATE meters_1 SET ledger = 'default~test' WHERE meter_id = '${meter.id}'`)
    expect(await audited()).toMatchObject({ verdict: 'agrees', outside_count: 0 })
  })

  it('name what was changed behind the back of the service, to the ledger it belongs to and to no other', async () => {
    const file = join(service.dataDir, READ_MODEL_FILE)
    expect(await changeCells(file, ({ size }) => size === DAY_MS, '666')).toBe(1)
    const audit = await audited({ meter: meter.id })
    expect(audit).toMatchObject({
      verdict: 'differs',
      finding_count: 1,
      findings: [{ kind: 'row', table: 'usage_cells', meter: meter.id, customer: 'cus_A', found: { state: '666' } }],
    })
    const other = await service.clientWithNewKey({ account: 'other' })
    const theirs = await audited({}, other)
    expect(theirs).toMatchObject({ verdict: 'agrees', records: 0 })
    expect(await refusalOf(find(theirs.id))).toMatchObject({ statusCode: 404, code: 'resource_missing' })
  })
})
