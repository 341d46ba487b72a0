/** The dashboard behind a proxy that gives it a path of its own: every request stays under it. */
import { afterEach, expect, it } from '@jest/globals'
import { once } from 'node:events'
import { readFile } from 'node:fs/promises'
import { createServer, request, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { createMeter, report } from '../metered-usage.js'
import { TEST_KEY } from '../running-service.js'
import { describeDashboard, heading } from './dashboard-suite.js'

const PATH = '/billing/meterbook'

describeDashboard('A dashboard under a path', (suite) => {
  let server: Server
  let strays: string[]
  const startProxy = async (): Promise<string> => {
    strays = []
    server = createServer((near, answer) => {
      const { method, headers, url = '' } = near
      if (!url.startsWith(`${PATH}/`)) {
        strays.push(url)
        answer.writeHead(404).end()
        return
      }
      const far = request({ port: suite.service.port, method, headers, path: url.slice(PATH.length) }, (answered) => {
        answer.writeHead(answered.statusCode ?? 502, answered.headers)
        answered.pipe(answer)
      })
      far.on('error', () => answer.destroy())
      answer.on('close', () => far.destroy())
      near.pipe(far)
    }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
  }
  afterEach(() => {
    server.closeAllConnections()
    server.close()
  })

  it('signs in, shows what happens, changes a meter, and gives its file and its address', async () => {
    const meter = await createMeter(suite.stripe)
    await report(suite.stripe, meter, '12.5', { customer: 'cus_first' })
    const address = `${await startProxy()}${PATH}`
    const page = await suite.signedIn(TEST_KEY, {}, `#/meters/${meter.id}/customers`, address)
    await page.getByRole('row', { name: /cus_first 12\.5/ }).waitFor()
    await page.getByRole('status').filter({ hasText: 'Live updates' }).waitFor()
    await report(suite.stripe, meter, '7', { customer: 'cus_second' })
    await page.getByRole('row', { name: /cus_second 7/ }).waitFor()
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name: 'Download CSV' }).click(),
    ])
    expect(await readFile(await download.path(), 'utf8')).toContain('"cus_first",12.5,1')

    await page.getByRole('link', { name: 'Overview' }).click()
    await page.locator('.recharts-bar-rectangle path').first().waitFor()
    await page.getByRole('button', { name: 'Rename' }).click()
    await page.getByRole('dialog').getByRole('textbox').fill('Renamed under a path')
    await page.keyboard.press('Enter')
    await heading(page, 'Renamed under a path').waitFor()

    await page.getByRole('link', { name: 'Integrate' }).click()
    await page.locator('.snippet', { hasText: `curl ${address}/v1/billing/meter_events` }).waitFor()
    await page.getByRole('tab', { name: 'Node.js' }).click()
    await page.getByText('speak only to addresses without one').waitFor()
    expect(page.url()).toBe(`${address}/#/meters/${meter.id}/integrate`)
    expect(strays).toEqual([])
  })

  it.each(['/docs', '/docs/'])('describes the API at %s', async (path) => {
    const address = `${await startProxy()}${PATH}`
    const page = await suite.signedIn(TEST_KEY, {}, '', address)
    await page.goto(`${address}${path}`)
    const operation = page.locator('.opblock-get', { has: page.locator('[data-path="/readyz"]') })
    await operation.locator('.opblock-summary-control').click()
    await operation.locator('.try-out__btn').click()
    await operation.locator('.btn.execute').click()
    await operation.locator('.live-responses-table').getByText('"caught up"').waitFor()
    expect(strays).toEqual([])
  })

  it('tells a new version from a file that is not sent', async () => {
    const page = await suite.signedIn(TEST_KEY, {}, '', `${await startProxy()}${PATH}`)
    await page.route('**/assets/**', (route) => route.fulfill({ status: 404, json: { error: {} } }))
    await page.getByRole('link', { name: 'System' }).click()
    await page.getByText('The service answers, but did not send it.').waitFor()
    await page.unroute('**/assets/**')
    await heading(page, 'System').waitFor()
    expect(strays).toEqual([])
  })
})
