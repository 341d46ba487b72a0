/** Two parties see by one number that they hold the same usage. */
import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { HOUR_MS } from '../../src/domain/time-bucket.js'
import { NOW } from '../controls.js'
import { cancel, createMeter, report } from '../metered-usage.js'
import { refusalOf } from '../refusal.js'
import { FixedClock, onEachStore, seconds, type RunningService } from '../running-service.js'

interface Digest {
  readonly digest: string
  readonly records: number
  readonly cancelled: number
  readonly sequence: number
  readonly position: string
}

onEachStore('The digest', (start) => {
  const clock = new FixedClock()
  let service: RunningService
  beforeAll(async () => {
    service = await start(clock)
  })
  afterAll(() => service.close())

  const digest = (query = '', client = service.stripe): Promise<Digest> =>
    client.rawRequest('GET', `/meterbook/v1/digest?${query}`) as never

  it('changes with every record and every cancellation, and is the earlier one for an earlier state', async () => {
    const { stripe } = service
    const meter = await createMeter(stripe)
    await report(stripe, meter, '2.50', { identifier: 'one', payload: { region: 'eu' } })
    await report(stripe, meter, 4, { identifier: 'two', customer: 'cus_B' })
    const both = await digest()
    expect(both).toMatchObject({
      object: 'meterbook.digest',
      algorithm: 'sha256',
      digest: expect.stringMatching(/^[0-9a-f]{64}$/),
      records: 2,
      cancelled: 0,
      sequence: 2,
      customer: null,
      meter: null,
      from: null,
      to: null,
      livemode: false,
    })
    const before = seconds(clock.now())
    clock.advance(2_000)
    await cancel(stripe, meter, 'one')
    const cancelled = await digest()
    expect(cancelled).toMatchObject({ records: 2, cancelled: 1, sequence: 3 })
    expect(cancelled.digest).not.toBe(both.digest)
    expect(await digest('sequence=2')).toMatchObject({
      digest: both.digest,
      sequence: 2,
      cancelled: 0,
      position: both.position,
    })
    expect(await digest(`as_of=${before}`)).toMatchObject({ digest: both.digest, sequence: 2, position: both.position })
    expect(await digest(`as_of_position=${both.position}`)).toMatchObject({ digest: both.digest, sequence: 2 })
    expect(await digest(`meter=${meter.id}&customer=cus_B`)).toMatchObject({ records: 1, cancelled: 0 })
    const from = seconds(NOW - HOUR_MS)
    expect(await digest(`timestamp[gte]=${from}`)).toMatchObject({ digest: cancelled.digest })
    expect(await digest(`timestamp[lt]=${from}`)).toMatchObject({ records: 0 })
  })

  it('is another one for another ledger', async () => {
    const other = await service.clientWithNewKey({ account: 'other', role: 'read' })
    expect(await digest('', other)).toMatchObject({ records: 0 })
  })

  it('is refused for what is not there', async () => {
    expect(await refusalOf(digest('meter=mtr_none'))).toMatchObject({ param: 'meter', code: 'resource_missing' })
    expect(await refusalOf(digest('sequence=1000000'))).toMatchObject({ param: 'sequence', code: 'parameter_invalid' })
    expect(await refusalOf(digest('sequence=-1'))).toMatchObject({ param: 'sequence' })
    expect(await refusalOf(digest(`as_of=${seconds(clock.now()) + 10}`))).toMatchObject({ param: 'as_of' })
    for (const bounds of ['timestamp[gte]=200&timestamp[lt]=100', 'timestamp[gte]=200&timestamp[lt]=200']) {
      expect(await refusalOf(digest(bounds))).toMatchObject({
        param: 'timestamp[lt]',
        code: 'parameter_invalid',
        message: 'timestamp[lt] must be after timestamp[gte].',
      })
    }
    expect(await refusalOf(digest('timestamp[gt]=200&timestamp[lte]=199'))).toMatchObject({ param: 'timestamp[lte]' })
    expect(await digest('timestamp[gte]=200&timestamp[lte]=200')).toMatchObject({ records: 0 })
    expect(await refusalOf(digest('sequence=1&as_of=1'))).toMatchObject({
      param: 'as_of',
      code: 'parameters_exclusive',
    })
    for (const other of ['as_of=1', 'sequence=1']) {
      expect(await refusalOf(digest(`${other}&as_of_position=1`))).toMatchObject({
        param: 'as_of_position',
        code: 'parameters_exclusive',
      })
    }
    const writer = await service.clientWithNewKey({ role: 'ingest' })
    expect(await refusalOf(digest('', writer))).toMatchObject({ code: 'more_permissions_required' })
  })
})
