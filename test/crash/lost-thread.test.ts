/** The projecting thread ends in a way it cannot tell itself: the log says why, and no number is answered that lacks events. */
import { expect, it } from '@jest/globals'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { READ_MODEL_FILE } from '../../src/read-model/open-read-model.js'
import { CUSTOMER } from '../metered-usage.js'
import { startServiceProcess } from '../service-process.js'

/** More than the thread needs to start, less than it needs for a page of large events. */
const HEAP_MIB = 24

it('says that the projecting thread had too little memory, and what to do', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'meterbook-'))
  const limiting = join(folder, 'limiting.mjs')
  writeFileSync(
    limiting,
    `import { syncBuiltinESMExports } from 'node:module'
    import threads from 'node:worker_threads'
    if (threads.isMainThread) {
      threads.Worker = class extends threads.Worker {
        constructor(file, options) {
          const isLimited = String(file).endsWith('/projector.worker.js')
          super(file, isLimited ? { ...options, resourceLimits: { maxOldGenerationSizeMb: ${HEAP_MIB} } } : options)
        }
      }
      syncBuiltinESMExports()
    }`,
  )
  const environment = { DATA_DIR: join(folder, 'data') }
  let service = await startServiceProcess(environment)
  try {
    const { authentication_token: token } = await service.stripe.v2.billing.meterEventSession.create()
    const payload = { stripe_customer_id: CUSTOMER, value: '1', note: '記'.padEnd(63 * 1024) }
    const events = Array<object>(15).fill({ event_name: 'none', payload })
    for (let call = 0; call < 30; call++) {
      await service.api.postJson('/v2/billing/meter_event_stream', { events }, { token })
    }
    await service.stop()
    for (const file of ['', '-wal', '-shm']) rmSync(join(folder, 'data', READ_MODEL_FILE + file), { force: true })

    service = await startServiceProcess({ ...environment, NODE_OPTIONS: `--import=${limiting}` })
    await service.printed('"reason":"The projecting thread had no memory left: start the service with a larger heap')
    const ready = await fetch(`${service.url}/readyz`)
    expect([ready.status, await ready.json()]).toMatchObject([503, { projections: 'stopped' }])
    expect((await service.api.get('/meterbook/v1/rejections')).status).toBe(503)
    expect(service.log.match(/The projections stopped\. Usage/g)).toHaveLength(1)
    expect(await service.stop()).toBe(0)
  } finally {
    await service.kill()
    rmSync(folder, { recursive: true })
  }
}, 60_000)
