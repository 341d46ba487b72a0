/** The customers of a meter, and the page of one of them. */
import { expect, it } from '@jest/globals'
import { parse } from 'csv-parse/sync'
import { execFile } from 'node:child_process'
import { readFile } from 'node:fs/promises'
import type { Page } from 'playwright-core'
import { promisify } from 'node:util'
import { DAY_MS } from '../../src/domain/time-bucket.js'
import { cancel, createMeter, report, type Meter } from '../metered-usage.js'
import { TEST_KEY } from '../running-service.js'
import { expectReadable, seriousIssues } from './browser.js'
import { describeDashboard, heading, MALICIOUS } from './dashboard-suite.js'

const run = promisify(execFile)
const TODAY = Math.floor(Date.now() / DAY_MS) * DAY_MS
const at = TODAY - 3 * DAY_MS
/** Customers that the list asks for in three pages, the last of them not full, and in whole imports. */
const MANY = 2_100
const MANY_EVENTS = 2 * MANY
const IMPORTED_AT_ONCE = 700

describeDashboard('The customers of a meter', (suite) => {
  const open = async (meter: Meter, options = {}): Promise<Page> => {
    const page = await suite.signedIn(TEST_KEY, options, `#/meters/${meter.id}/customers`)
    await page.getByRole('radio').nth(3).check()
    return page
  }
  const names = (page: Page): Promise<string[]> => page.getByRole('table').getByRole('rowheader').allTextContents()

  it('are in order, can be searched, and go into a file', async () => {
    const meter = await createMeter(suite.stripe)
    const usage = { cus_low: '-4', cus_high: '20.5', [MALICIOUS]: '7', '=1+1': '1' }
    for (const [customer, value] of Object.entries(usage)) await report(suite.stripe, meter, value, { customer, at })
    const page = await open(meter)
    await page.getByText('4 customers used 24.5 in all.').waitFor()
    expect(await names(page)).toEqual(['cus_high', MALICIOUS, '=1+1', 'cus_low'])
    await page.getByRole('row', { name: 'cus_low -4 1 -16%' }).waitFor()
    await page.getByLabel('Order').selectOption('customer')
    await page.locator('[aria-rowindex="3"]', { hasText: '=1+1' }).waitFor()
    expect(await names(page)).toEqual([MALICIOUS, '=1+1', 'cus_high', 'cus_low'].sort())
    expect(await seriousIssues(page)).toEqual([])

    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name: 'Download CSV' }).click(),
    ])
    expect(download.suggestedFilename()).toMatch(/^usage-mtr_test_\w+-[\d-]+\.csv$/)
    const file = await readFile(await download.path())
    expect(file.subarray(0, 3)).toEqual(Buffer.from('\ufeff'))
    const lines = parse<Record<string, string>>(file, { columns: true, bom: true })
    expect(Object.fromEntries(lines.map(({ customer, value }) => [customer, value]))).toEqual({
      cus_low: '-4',
      cus_high: '20.5',
      [MALICIOUS]: '7',
      "'=1+1": '1',
    })

    await page.getByLabel('Search customers').fill('CUS_H')
    await page.getByRole('row', { name: /cus_high/ }).waitFor()
    await page.getByRole('row', { name: /cus_low/ }).waitFor({ state: 'detached' })
    await page.getByLabel('Search customers').fill('nobody')
    await page.getByRole('heading', { name: 'has “nobody” in the name' }).waitFor()
    await page.getByLabel('Search customers').fill('')
    await page.getByRole('link', { name: MALICIOUS }).click()
    await heading(page, `Customer ${MALICIOUS}`).waitFor()
  })

  it('have a page each: a statement of all meters, explained, with a digest anyone can check', async () => {
    const customer = `${MALICIOUS} / ？&#=`
    const calls = await createMeter(suite.stripe, 'count', { display_name: `Calls ${MALICIOUS}` })
    const credit = await createMeter(suite.stripe, 'sum', {
      display_name: 'Credits',
      dimension_payload_keys: ['region'],
    })
    const of = (region: string) => ({ customer, at, payload: { region } })
    await report(suite.stripe, credit, '-2.5', of(MALICIOUS))
    await report(suite.stripe, credit, '1', { ...of('eu'), identifier: 'one' })
    await report(suite.stripe, calls, 1, { customer, at, identifier: 'wrong' })
    await report(suite.stripe, calls, 1, { customer, at })
    await cancel(suite.stripe, calls, 'wrong')
    const page = await suite.signedIn()
    await page.getByLabel('Find a customer').fill(customer)
    await page.keyboard.press('Enter')
    await heading(page, `Customer ${customer}`).waitFor()
    await page.getByLabel('Last 30 days').check()
    await page.getByRole('row', { name: /^Credits \S+ Sum 2 -1\.5 0/ }).waitFor()
    await page.getByRole('row', { name: 'region: eu 1 1', exact: true }).waitFor()
    await page.getByRole('row', { name: `region: ${MALICIOUS} 1 -2.5`, exact: true }).waitFor()
    await page.getByRole('button', { name: `Explain Calls ${MALICIOUS}` }).click()
    await page.getByText('These events add up to 1.').waitFor()
    await page.getByText('Cancelled', { exact: true }).waitFor()
    const digest = await page.locator('.digest-value').textContent()
    await page.getByText('4 records (3 in effect, 1 cancelled or overwritten), after usage event').waitFor()
    expect(await seriousIssues(page)).toEqual([])

    const command = await page.getByRole('region', { name: 'Command that checks the digest' }).textContent()
    const script = `${command} --quiet --data-dir "$FOLDER"`
    const { stdout } = await run('sh', ['-c', script], { env: { ...process.env, FOLDER: suite.service.dataDir } })
    expect(stdout.trim()).toBe(digest)

    await page.emulateMedia({ media: 'print' })
    for (const text of ['default (Test)', 'Credits', '-1.5', digest ?? '']) {
      await page.getByText(text, { exact: true }).first().waitFor()
    }
    for (const part of [page.locator('.bar'), page.getByText('Print statement'), page.getByLabel('Last 30 days')]) {
      expect(await part.isVisible()).toBe(false)
    }
    await page.emulateMedia({ media: 'screen' })
    await page.getByLabel('Exact time (UTC)').fill(new Date(TODAY - 30 * DAY_MS).toISOString().slice(0, 19))
    await page.getByRole('heading', { name: 'No usage in this period' }).waitFor()
  })

  it('have a page each, whatever they are called', async () => {
    const meter = await createMeter(suite.stripe, 'sum', { dimension_payload_keys: ['region'] })
    const usage = { '.': '1', '..': '2', '../..': '3', '%2e': '4' }
    for (const [customer, value] of Object.entries(usage)) {
      await report(suite.stripe, meter, value, { customer, at, payload: { region: 'eu' } })
    }
    const page = await open(meter)
    for (const [customer, value] of Object.entries(usage)) {
      await page.evaluate(`location.hash = '#/meters/${meter.id}/customers'`)
      await page.getByLabel('Search customers').waitFor()
      await page.getByRole('radio').nth(3).check()
      await page.getByRole('link', { name: customer, exact: true }).click()
      await heading(page, `Customer ${customer}`).waitFor()
      await page.reload()
      await heading(page, `Customer ${customer}`).waitFor()
      await page.getByLabel('Last 30 days').check()
      await page.locator(`[data-total-of=${meter.id}]`, { hasText: new RegExp(`^${value}$`) }).waitFor()
      await page.getByRole('button', { name: `Explain ${meter.display_name}` }).click()
      await page.getByText(`These events add up to ${value}.`).waitFor()
      await page.locator('.digest-value').waitFor()
    }
  })

  it('fit a small screen and can be read, in the light and in the dark', async () => {
    const customer = 'X'.repeat(255)
    const meter = await createMeter(suite.stripe, 'sum', { display_name: 'Y'.repeat(250) })
    await report(suite.stripe, meter, '123456789.123456', { customer, at })
    const page = await open(meter, { locale: 'ja-JP', viewport: { width: 375, height: 700 } })
    await page.getByText('1 件の顧客、使用量の合計は 123456789.123456 です。').waitFor()
    await expectReadable(page)
    await page.getByRole('link', { name: customer }).click()
    await page.getByRole('radio').nth(3).check()
    await page.locator('.digest-value').waitFor()
    await expectReadable(page)
  })

  it('are all there, and few of them rows of the page, however many they are', async () => {
    const meter = await createMeter(suite.stripe, 'sum')
    await importMany(meter)
    const page = await suite.signedIn(TEST_KEY, {}, `#/meters/${meter.id}`)
    await page.locator('[data-figure=total]', { hasText: new RegExp(`^${MANY_EVENTS}$`) }).waitFor()
    await page.locator('.recharts-bar-rectangle path').first().waitFor()
    await page.getByRole('link', { name: 'Customers', exact: true }).click()
    await page.getByRole('radio').nth(3).check()
    await page.getByText(`2,100 customers used ${MANY_EVENTS} in all.`).waitFor()
    const list = page.getByRole('table', { name: 'Usage by customer' })
    const row = list.getByRole('row')
    await list.focus()
    const last = list.locator(`[aria-rowindex="${MANY + 1}"]`)
    while (!(await last.isVisible())) {
      await page.keyboard.press('End')
      expect(await row.count()).toBeLessThan(100)
      // Each time the end is reached, more is behind it, until there is no more.
      await page.evaluate('new Promise(requestAnimationFrame)')
    }
    expect(await last.textContent()).toContain('cus_2099')
    const [download] = await Promise.all([
      page.waitForEvent('download'),
      page.getByRole('link', { name: 'Download CSV' }).click(),
    ])
    const lines = parse<{ customer: string }>(await readFile(await download.path()), { columns: true, bom: true })
    expect(new Set(lines.map(({ customer }) => customer)).size).toBe(MANY)
    expect(lines).toHaveLength(MANY)
    await page.getByLabel('Search customers').fill('cus_1842')
    await list.getByRole('rowheader', { name: 'cus_1842' }).waitFor()
  })

  /** Two events of 1 for each customer, each on another day; equal values are in order of their names. */
  async function importMany(meter: Meter): Promise<void> {
    for (let first = 0; first < MANY_EVENTS; first += IMPORTED_AT_ONCE) {
      const events = Array.from({ length: IMPORTED_AT_ONCE }, (_, index) => first + index).map((n) => ({
        event_name: meter.event_name,
        identifier: `many-${n}`,
        timestamp: new Date(TODAY - ((n + Math.floor(n / MANY)) % 25) * DAY_MS).toISOString(),
        payload: { stripe_customer_id: `cus_${String(n % MANY).padStart(4, '0')}`, value: '1' },
      }))
      const response = await fetch(`${suite.service.url}/meterbook/v1/usage_imports`, {
        method: 'POST',
        headers: { authorization: `Bearer ${TEST_KEY}`, 'content-type': 'application/json' },
        body: JSON.stringify({ events }),
      })
      expect(await response.json()).toMatchObject({ counted: IMPORTED_AT_ONCE })
    }
  }
})
