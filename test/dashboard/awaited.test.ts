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

  it('counts no rejection of another meter, and offers none to be tried again', async () => {
    const key = await suite.service.newKey({ account: 'awaited' })
    const stripe = suite.service.client(key)
    const meter = await createMeter(stripe)
    const { authentication_token } = await stripe.v2.billing.meterEventSession.create()
    await suite.service.client(authentication_token).v2.billing.meterEventStream.create({
      events: [{ event_name: 'never', payload: { stripe_customer_id: 'cus_a' } }],
    })
    const page = await suite.signedIn(key, {}, '#/rejections')
    const retry = page.getByRole('button', { name: /^Try all open again/ })
    const shown = [retry, page.getByRole('button', { name: 'no_meter' })]
    for (const each of shown) await each.waitFor()
    const held = await hold(page, '**/rejections/counts?**')
    await page.getByLabel('Meter', { exact: true }).selectOption(meter.id)
    for (const each of shown) await each.waitFor({ state: 'hidden' })
    await page.getByRole('heading', { name: 'No rejection matches' }).waitFor()
    await held.release()
    await page.getByRole('heading', { name: 'Nothing was refused' }).waitFor()
    expect(await retry.count()).toBe(0)
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
