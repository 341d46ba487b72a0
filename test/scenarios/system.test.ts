import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { readFileSync } from 'node:fs'
import { NOW } from '../controls.js'
import { refusalOf } from '../refusal.js'
import { FixedClock, onEachStore, type RunningService } from '../running-service.js'

const PATH = '/meterbook/v1/system'

onEachStore('The system', (start, store) => {
  let service: RunningService
  beforeAll(async () => {
    service = await start(new FixedClock())
    // A read waits until the projections have caught up once.
    await service.stripe.billing.meters.list()
  })
  afterAll(() => service.close())

  it('says what it is, what it stands on and that it can serve, to any key that reads', async () => {
    const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
      version: string
    }
    const reader = await service.clientWithNewKey({ role: 'read' })
    expect(await reader.rawRequest('GET', PATH)).toMatchObject({
      object: 'meterbook.system',
      event_store: { status: 'reachable', type: store.name === 'the embedded store' ? 'embedded' : 'eventstoredb' },
      projections: 'caught up',
      read_model: { type: 'embedded' },
      reason: null,
      started_at: new Date(NOW).toISOString(),
      status: 'ready',
      version,
    })
  })

  it('is no business of a key that only reports', async () => {
    const reporter = await service.clientWithNewKey({ role: 'ingest' })
    expect(await refusalOf(reporter.rawRequest('GET', PATH))).toMatchObject({ code: 'more_permissions_required' })
    expect(await refusalOf(service.stripe.rawRequest('GET', `${PATH}?secret=1`))).toMatchObject({ param: 'secret' })
  })
})
