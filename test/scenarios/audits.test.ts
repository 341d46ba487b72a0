/** A running service proves its own numbers, while usage goes on coming in. */
import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import type Stripe from 'stripe'
import { DAY_MS } from '../../src/domain/time-bucket.js'
import { READ_MODEL_FILE } from '../../src/read-model/open-read-model.js'
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
  readonly finding_count: number
  readonly findings: readonly { readonly kind: string; readonly table: string; readonly meter: string }[]
  readonly failure: string | null
}

const PATH = '/meterbook/v1/audits'

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
      await delay(20)
    }
  }
  const audited = async (parameters: object = {}, client: Stripe = service.stripe): Promise<Audit> => {
    // The thread of the one before may still be ending.
    for (;;) {
      try {
        return await done((await begin(parameters, client)).id, client)
      } catch (error) {
        if ((error as { statusCode?: number }).statusCode !== 409) throw error
        await delay(20)
      }
    }
  }

  it('agree with the rows while usage goes on, and give the digest', async () => {
    let isOver = false
    const usage = (async () => {
      for (let n = 100; !isOver; n++) await report(service.stripe, meter, n, { identifier: `n-${n}` })
    })()
    const audit = await audited().finally(() => (isOver = true))
    await usage
    expect(audit).toMatchObject({ object: 'meterbook.audit', status: 'completed', verdict: 'agrees', findings: [] })
    const quiet = await audited()
    const digest = (await service.stripe.rawRequest('GET', '/meterbook/v1/digest')) as unknown as Audit
    expect(quiet).toMatchObject({ verdict: 'agrees', digest: digest.digest, records: digest.records })
  })

  it('run one at a time', async () => {
    const first = await begin()
    const refusal = await refusalOf(begin())
    expect(refusal).toMatchObject({ statusCode: 409, code: 'audit_running' })
    expect(refusal.message).toContain(first.id)
    expect(await done(first.id)).toMatchObject({ verdict: 'agrees' })
  })

  it('are listed, the newest first, to their own ledger', async () => {
    const list = async (client = service.stripe): Promise<readonly Audit[]> =>
      ((await client.rawRequest('GET', PATH)) as unknown as Stripe.ApiList<Audit>).data
    const known = await list()
    const { id } = await audited({ meter: meter.id })
    expect((await list()).map((audit) => audit.id)).toEqual([id, ...known.map((audit) => audit.id)])
    expect(await list(await service.clientWithNewKey({ account: 'other' }))).toEqual([])
  })

  it('are of one ledger, and for secret keys', async () => {
    const other = await service.clientWithNewKey({ account: 'other' })
    const audit = await audited({}, other)
    expect(audit).toMatchObject({ verdict: 'agrees', records: 0 })
    expect(await refusalOf(find(audit.id))).toMatchObject({ statusCode: 404, code: 'resource_missing' })
    const reader = await service.clientWithNewKey({ role: 'read' })
    expect(await refusalOf(begin({}, reader))).toMatchObject({ code: 'more_permissions_required' })
    expect(await refusalOf(begin({ sequence: -1 }))).toMatchObject({ param: 'sequence' })
    expect(await refusalOf(begin({ sequence: 999_999 }))).toMatchObject({
      param: 'sequence',
      code: 'parameter_invalid',
    })
  })

  it('are of a meter that exists in the ledger, and of any customer', async () => {
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
    expect(await audited({ meter: meter.id, customer: 'cus_nobody' })).toMatchObject({ verdict: 'agrees', records: 0 })
  })

  it('name what was changed behind the back of the service, to the ledger it belongs to', async () => {
    const file = join(service.dataDir, READ_MODEL_FILE)
    expect(await changeCells(file, ({ size }) => size === DAY_MS, '666')).toBe(1)
    const audit = await audited({ meter: meter.id })
    expect(audit).toMatchObject({
      verdict: 'differs',
      finding_count: 1,
      findings: [{ kind: 'row', table: 'usage_cells', meter: meter.id, customer: 'cus_A', found: { state: '666' } }],
    })
    const other = await service.clientWithNewKey({ account: 'other' })
    expect(await audited({}, other)).toMatchObject({ verdict: 'agrees' })
  })
})
