/** Pages on paper: what was asked, what was answered and by whom, and nothing that can only be pressed. */
import { expect, it } from '@jest/globals'
import { DAY_MS } from '../../src/domain/time-bucket.js'
import { uniqueName } from '../controls.js'
import { createMeter, report } from '../metered-usage.js'
import { TEST_KEY } from '../running-service.js'
import { overflow, seriousIssues } from './browser.js'
import { describeDashboard, heading } from './dashboard-suite.js'

const TODAY = Math.floor(Date.now() / DAY_MS) * DAY_MS
const at = TODAY - 3 * DAY_MS
/** An A4 page between its margins. */
const PAPER = { width: 720, height: 1000 }
const NOW = /^Now: \d{4}-\d\d-\d\d \d\d:\d\d:\d\d UTC$/

/** What the swatches of the legend are on paper. */
const COLOURS = `[...document.querySelectorAll('.chart-key')].map((key) => {
  const { printColorAdjust, backgroundColor } = getComputedStyle(key, '::before')
  return printColorAdjust + ' ' + backgroundColor
})`

describeDashboard('A printed page', (suite) => {
  it('of a customer says when it was so, and has the command that checks it', async () => {
    const meter = await createMeter(suite.stripe)
    const customer = uniqueName('cus_')
    await report(suite.stripe, meter, '12.5', { customer, at })
    const page = await suite.signedIn(TEST_KEY, {}, `#/customers/${customer}?period=last-30-days`)
    await page.locator('.digest-value').waitFor()
    await page.emulateMedia({ media: 'print' })
    await page.getByText(NOW).waitFor()
    await page.getByText('default (Test)', { exact: true }).waitFor()
    await page.getByText(`node dist/cli/main.js digest --account default --mode test`).waitFor()
    expect(await page.getByRole('button').count()).toBe(0)
    await page.emulateMedia({ media: 'screen' })
    await page.getByLabel('Exact time (UTC)').fill(new Date().toISOString().slice(0, 19))
    await page.getByText(NOW).waitFor({ state: 'detached' })
  })

  it.each(['', '/customers', '/events', '/history', '/integrate'])('of a meter has no controls: %s', async (tab) => {
    const meter = await createMeter(suite.stripe, 'sum', { dimension_payload_keys: ['region'] })
    await report(suite.stripe, meter, '12.5', { customer: 'cus_printed', at, payload: { region: 'eu' } })
    const address = `#/meters/${meter.id}${tab}?period=last-30-days&customer=cus_printed`
    const page = await suite.signedIn(TEST_KEY, { colorScheme: 'dark' }, address)
    await heading(page, meter.display_name).waitFor()
    await page
      .locator(shown[tab] ?? '')
      .first()
      .waitFor()
    await page.setViewportSize(PAPER)
    await page.emulateMedia({ media: 'print' })
    await page.evaluate("dispatchEvent(new Event('beforeprint'))")
    expect(await page.getByRole('button').count()).toBe(0)
    expect(await page.getByRole('slider', { name: 'Move to an earlier moment' }).count()).toBe(0)
    expect(await page.getByRole('link', { name: 'Rejections' }).count()).toBe(0)
    await page.getByText(/^Account default \(Test\) · printed at .* UTC$/).waitFor()
    await page.getByText(address).waitFor()
    if (tab === '') {
      const chart = await page.locator('.chart svg').boundingBox()
      expect(chart?.width).toBeLessThanOrEqual(PAPER.width)
      expect(chart?.height).toBeGreaterThan(100)
      await page.getByText('Last 30 days').waitFor()
      expect(await page.getByLabel('Customer', { exact: true }).isVisible()).toBe(true)
    }
    expect(await overflow(page)).toBe(0)
    expect(await seriousIssues(page)).toEqual([])
  })

  it('of a meter has the colours of its chart right under it', async () => {
    const meter = await createMeter(suite.stripe, 'sum', { dimension_payload_keys: ['region'] })
    for (const region of ['eu', 'us']) await report(suite.stripe, meter, '12.5', { at, payload: { region } })
    const page = await suite.signedIn(TEST_KEY, {}, `#/meters/${meter.id}?period=last-30-days&group_by=region`)
    const keys = page.locator('.chart-key')
    await keys.nth(1).waitFor()
    await page.locator('.recharts-bar-rectangle path').first().waitFor()
    await page.setViewportSize(PAPER)
    await page.emulateMedia({ media: 'print' })
    const [chart, legend] = await Promise.all([page.locator('.chart svg').boundingBox(), keys.first().boundingBox()])
    const gap = (legend?.y ?? 0) - ((chart?.y ?? 0) + (chart?.height ?? 0))
    expect(gap).toBeGreaterThanOrEqual(0)
    expect(gap).toBeLessThan(20)
    expect(await page.evaluate(COLOURS)).toEqual(['exact rgb(67, 56, 202)', 'exact rgb(15, 118, 110)'])
  })
})

/** What each tab has once it is whole. */
const shown: Readonly<Record<string, string>> = {
  '': '.recharts-bar-rectangle path',
  '/customers': '.customer-row-placed',
  '/events': '.event',
  '/history': '.content table, .content li',
  '/integrate': '.snippet',
}
