/** While an answer is awaited, no number stands under a period or a moment that is not its own, on the screen or on paper. */
import { expect, it } from '@jest/globals'
import { DAY_MS } from '../../src/domain/time-bucket.js'
import { uniqueName } from '../controls.js'
import { createMeter, report } from '../metered-usage.js'
import { TEST_KEY } from '../running-service.js'
import { seriousIssues } from './browser.js'
import { describeDashboard, hold } from './dashboard-suite.js'

const TODAY = Math.floor(Date.now() / DAY_MS) * DAY_MS
const EARLIER = TODAY - 3 * DAY_MS

describeDashboard('A page whose answer is awaited', (suite) => {
  it('shows no figure of the period before, and all of its own as soon as they come', async () => {
    const meter = await createMeter(suite.stripe)
    await report(suite.stripe, meter, '321', { customer: 'cus_a', at: EARLIER })
    const page = await suite.signedIn(TEST_KEY, {}, `#/meters/${meter.id}`)
    const total = page.locator('[data-figure=total]')
    const shown = [total.getByText('321', { exact: true }), page.getByRole('cell', { name: '321' }).first()]
    for (const number of shown) await number.waitFor()
    const held = await hold(page, `**/meters/${meter.id}/usage?**`)
    await page.getByLabel('Today').check()
    for (const number of shown) await number.waitFor({ state: 'hidden' })
    await page.getByRole('status', { name: 'Loading…' }).waitFor()
    expect(await seriousIssues(page)).toEqual([])
    await held.release()
    await page.getByRole('heading', { name: 'No usage in this period' }).waitFor()
    await total.getByText('0', { exact: true }).waitFor()
  })

  it('lists no customer of the period before', async () => {
    const meter = await createMeter(suite.stripe)
    await report(suite.stripe, meter, '321', { customer: 'cus_a', at: EARLIER })
    const page = await suite.signedIn(TEST_KEY, {}, `#/meters/${meter.id}/customers`)
    await page.getByLabel('Last 30 days').check()
    const row = page.getByRole('row', { name: /cus_a 321/ })
    await row.waitFor()
    const held = await hold(page, `**/meters/${meter.id}/customers?**`)
    await page.getByLabel('Today').check()
    await row.waitFor({ state: 'hidden' })
    await held.release()
    await page.getByRole('heading', { name: 'No customer has usage in this period' }).waitFor()
  })

  it('prints no statement and gives no command before usage and digest of the period are there', async () => {
    const meter = await createMeter(suite.stripe)
    const customer = uniqueName('cus_')
    await report(suite.stripe, meter, '300', { customer, at: EARLIER })
    await report(suite.stripe, meter, '20', { customer, at: TODAY })
    const page = await suite.signedIn(TEST_KEY, {}, `#/customers/${customer}`)
    await page.getByLabel('Today').check()
    const statement = page.getByRole('region', { name: 'Statement' })
    const print = page.getByRole('button', { name: 'Print statement' })
    const command = page.getByText('node dist/cli/main.js digest')
    await statement.getByText('20', { exact: true }).first().waitFor()
    await command.waitFor()
    expect(await print.isEnabled()).toBe(true)

    const usage = await hold(page, '**/customer_usage?**')
    const digest = await hold(page, '**/digest?**')
    await page.getByLabel('Last 30 days').check()
    await page.getByRole('status', { name: 'Loading…' }).waitFor()
    for (const media of ['screen', 'print'] as const) {
      await page.emulateMedia({ media })
      expect(await statement.getByText('20', { exact: true }).first().isVisible()).toBe(false)
      expect(await command.isVisible()).toBe(false)
    }
    await page.emulateMedia({ media: 'screen' })
    expect(await print.isEnabled()).toBe(false)
    await usage.release()
    await statement.getByText('320', { exact: true }).first().waitFor()
    expect([await print.isEnabled(), await command.count()]).toEqual([false, 0])
    await digest.release()
    await command.waitFor()
    expect(await print.isEnabled()).toBe(true)
  })

  it('keeps usage and digest of one moment together while newer ones come in', async () => {
    const meter = await createMeter(suite.stripe)
    const customer = uniqueName('cus_')
    await report(suite.stripe, meter, '20', { customer, at: TODAY })
    const page = await suite.signedIn(TEST_KEY, {}, `#/customers/${customer}`)
    await page.getByLabel('Today').check()
    const statement = page.getByRole('region', { name: 'Statement' })
    await page.getByText('1 record, after usage event').waitFor()
    const digest = await hold(page, '**/digest?**')
    await report(suite.stripe, meter, '5', { customer, at: TODAY })
    await digest.asked
    await statement.getByText('20', { exact: true }).first().waitFor()
    await page.getByText('1 record, after usage event').waitFor()
    expect(await page.getByRole('button', { name: 'Print statement' }).isEnabled()).toBe(true)
    await digest.release()
    await page.getByText('2 records, after usage event').waitFor()
    await statement.getByText('25', { exact: true }).first().waitFor()
  })
})
