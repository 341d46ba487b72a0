/** The snippets of a meter's Integrate tab, taken from the page and run as they stand, with the key in the environment. */
import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { execFile } from 'node:child_process'
import { mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Page } from 'playwright-core'
import { uniqueName } from '../controls.js'
import { createMeter, type Meter } from '../metered-usage.js'
import { TEST_KEY } from '../running-service.js'
import { overflow, seriousIssues } from './browser.js'
import { describeDashboard, MALICIOUS } from './dashboard-suite.js'

const root = dirname(dirname(dirname(fileURLToPath(import.meta.url))))
const run = promisify(execFile)

describeDashboard('The Integrate tab', (suite) => {
  let folder: string
  beforeAll(() => {
    folder = mkdtempSync(join(tmpdir(), 'meterbook-snippets-'))
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'junction')
  })
  afterAll(() => rmSync(folder, { recursive: true }))

  const env = (): NodeJS.ProcessEnv => ({
    ...process.env,
    PATH: `${join(root, 'node_modules/.bin')}:${process.env.PATH}`,
    HOME: folder,
    XDG_CONFIG_HOME: folder,
    STRIPE_CLI_TELEMETRY_OPTOUT: '1',
    STRIPE_API_KEY: TEST_KEY,
  })
  async function runAs(client: string, snippet: string): Promise<string> {
    if (client !== 'Node.js') return (await run('sh', ['-eu', '-c', snippet], { cwd: folder, env: env() })).stdout
    const file = join(folder, 'snippet.mjs')
    writeFileSync(file, snippet)
    return (await run(process.execPath, [file], { env: env() })).stdout
  }
  const snippet = async (page: Page, title: string): Promise<string> =>
    (await page.getByRole('region', { name: title, exact: true }).textContent()) ?? ''

  async function open(meter: Meter, options = {}): Promise<Page> {
    return suite.signedIn(TEST_KEY, options, `#/meters/${meter.id}/integrate`)
  }

  it.each(['curl', 'Node.js', 'Stripe CLI'])(
    'has %s snippets that count an event and read the usage',
    async (client) => {
      const meter = await createMeter(suite.stripe, 'sum', {
        value_settings: { event_payload_key: 'tokens' },
        dimension_payload_keys: ['model', 'token_type'],
      })
      const page = await open(meter)
      await page.getByText('No event has arrived yet.').waitFor()
      await page.getByRole('tab', { name: client }).click()
      await page.getByRole('tab', { name: client, selected: true }).waitFor()
      await page.getByLabel('Customer', { exact: true }).fill("cus_o'hara & sons")
      await page.getByLabel('Value', { exact: true }).fill('0.5')
      await page.getByLabel('model').fill('alpaca 7b')
      await runAs(client, await snippet(page, '2. Send an event'))
      // Without a reload.
      await page.getByText("cus_o'hara & sons, 0.5").waitFor()
      const read = await runAs(client, await snippet(page, '3. Read the usage of today'))
      expect(read).toMatch(client === 'Node.js' ? /^0\.5\n$/ : /"aggregated_value": ?0\.5,/)
      const { data } = (await suite.stripe.rawRequest(
        'GET',
        `/meterbook/v1/meter_events?meter=${meter.id}`,
      )) as unknown as {
        data: object[]
      }
      expect(data).toMatchObject([
        {
          payload: {
            stripe_customer_id: "cus_o'hara & sons",
            tokens: '0.5',
            model: 'alpaca 7b',
            token_type: 'example',
          },
        },
      ])
      expect(await seriousIssues(page)).toEqual([])
    },
  )

  it.each(['curl', 'Node.js', 'Stripe CLI'])('quotes whatever a meter is called for %s', async (client) => {
    // The Stripe CLI knows no `=` in a key.
    const key = client === 'Stripe CLI' ? `${MALICIOUS.replaceAll('=', '')}&%2` : `${MALICIOUS}=&%2`
    const meter = await createMeter(suite.stripe, 'sum', {
      event_name: `${MALICIOUS} ${uniqueName('')} $(touch pwned) \\' &`,
      dimension_payload_keys: [key, '__proto__'],
    })
    const page = await open(meter)
    await page.getByRole('tab', { name: client }).click()
    await page.getByRole('tab', { name: client, selected: true }).waitFor()
    await runAs(client, await snippet(page, '2. Send an event'))
    const { data } = (await suite.stripe.rawRequest(
      'GET',
      `/meterbook/v1/meter_events?meter=${meter.id}`,
    )) as unknown as {
      data: { payload: object }[]
    }
    expect(Object.entries(data[0]?.payload ?? {}).sort()).toEqual(
      Object.entries({
        [key]: 'example',
        ['__proto__']: 'example',
        stripe_customer_id: 'cus_alpaca',
        value: '25',
      }).sort(),
    )
  })

  it.each(['curl', 'Node.js'])('sends payload keys with brackets as JSON, for %s', async (client) => {
    const key = "d'im[x]&=%"
    const meter = await createMeter(suite.stripe, 'sum', { dimension_payload_keys: [key, '__proto__'] })
    const page = await open(meter)
    await page.getByRole('tab', { name: 'Stripe CLI' }).click()
    await page.getByText('sends no payload key that contains =, [ or ].').waitFor()
    await page.getByRole('tab', { name: client }).click()
    await page.getByText('which the forms of /v1 cannot carry').waitFor()
    await page.getByLabel('Customer', { exact: true }).fill("cus_o'hara")
    await runAs(client, await snippet(page, '2. Send an event'))
    await page.getByText("cus_o'hara, 25").waitFor()
    const read = await runAs(client, await snippet(page, '3. Read the usage of today'))
    expect(read).toMatch(client === 'Node.js' ? /^25\n$/ : /"aggregated_value": ?25,/)
    const { data } = (await suite.stripe.rawRequest(
      'GET',
      `/meterbook/v1/meter_events?meter=${meter.id}`,
    )) as unknown as {
      data: { payload: object }[]
    }
    expect(Object.entries(data[0]?.payload ?? {})).toEqual(
      expect.arrayContaining([
        [key, 'example'],
        ['__proto__', 'example'],
      ]),
    )
  })

  it.each([
    [375, 'ja-JP'],
    [1280, 'en-GB'],
  ])('fits %s pixels with the longest names', async (width, locale) => {
    const event_name = uniqueName('E'.repeat(60)).padEnd(100, 'E')
    const dimension_payload_keys = ['K'.repeat(100), 'M'.repeat(100)]
    const meter = await createMeter(suite.stripe, 'sum', { event_name, dimension_payload_keys })
    const page = await open(meter, { locale, viewport: { width, height: 700 } })
    await page.getByLabel('M'.repeat(100)).waitFor()
    expect(await overflow(page)).toBe(0)
    expect(await seriousIssues(page)).toEqual([])
  })

  it('copies a snippet', async () => {
    const meter = await createMeter(suite.stripe, 'count')
    const page = await open(meter)
    await page.context().grantPermissions(['clipboard-read', 'clipboard-write'])
    await page.getByRole('button', { name: 'Copy: 2. Send an event' }).click()
    await page.getByText('Copied').waitFor()
    const copied = await page.evaluate<string>('navigator.clipboard.readText()')
    expect(copied).toBe(await snippet(page, '2. Send an event'))
    expect(copied).not.toContain('value')
  })
})
