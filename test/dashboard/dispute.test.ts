/** What someone looks at whose number is doubted: every event that was sent, counted or not, down to its place in the log. */
import { expect, it } from '@jest/globals'
import type { Page } from 'playwright-core'
import { DAY_MS } from '../../src/domain/time-bucket.js'
import { cancel, createMeter, report } from '../metered-usage.js'
import { TEST_KEY } from '../running-service.js'
import { seriousIssues } from './browser.js'
import { describeDashboard, heading, MALICIOUS } from './dashboard-suite.js'

const at = Math.floor(Date.now() / DAY_MS) * DAY_MS - DAY_MS / 2
const INSTANT = /\d{4}-\d\d-\d\d \d\d:\d\d:\d\d/.source

describeDashboard('A number that is doubted', (suite) => {
  const customer = `cus ${MALICIOUS}`
  const opened = async (options = {}): Promise<Page> => {
    const page = await suite.signedIn(TEST_KEY, options, `#/customers/${encodeURIComponent(customer)}`)
    await page.getByLabel('Last 30 days').check()
    return page
  }

  it('is explained by each event, with its receipt and dimensions, and leads to all there is of it', async () => {
    const meter = await createMeter(suite.stripe, 'sum', { dimension_payload_keys: ['region'] })
    const payload = { region: MALICIOUS }
    await report(suite.stripe, meter, '2', { customer, at, identifier: `in / ${MALICIOUS}`, payload })
    await report(suite.stripe, meter, '5', { customer, at, identifier: 'out', payload })
    await cancel(suite.stripe, meter, 'out')
    const page = await opened()
    await page.getByRole('button', { name: `Explain ${meter.display_name}` }).click()
    const list = page.getByRole('region', { name: `Every event of ${customer}` })
    await list
      .getByText(new RegExp(`^Received ${INSTANT}$`))
      .nth(1)
      .waitFor()
    await list.getByText(`region: ${MALICIOUS}`).nth(1).waitFor()
    await list.getByText(new RegExp(`It was cancelled at ${INSTANT}\\.`)).waitFor()
    await page.getByText(`No event of ${customer} in this period was refused.`).waitFor()
    expect(await seriousIssues(page)).toEqual([])

    await list.getByRole('link', { name: 'out', exact: true }).click()
    const event = page.locator('.event')
    await event.getByText('Cancelled in the log (UTC)').waitFor()
    expect(await event.count()).toBe(1)
    const { events } = (await suite.stripe.rawRequest(
      'GET',
      `/meterbook/v1/meter_events/${meter.id}/out`,
    )) as unknown as {
      events: { stream: string; revision: number; position: string; actor: string }[]
    }
    expect(events).toHaveLength(2)
    const facts = await event.locator('dd').allTextContents()
    for (const { stream, revision, position, actor } of events) {
      expect(facts).toEqual(expect.arrayContaining([`${stream}, ${revision}`, position, actor]))
    }
    expect(await seriousIssues(page)).toEqual([])
    await page.getByRole('button', { name: 'Clear filters' }).click()
    await event.nth(1).waitFor()
    expect(await page.getByLabel('Status').and(page.locator(':focus')).count()).toBe(1)
    await page.goBack()
    await event.nth(1).waitFor({ state: 'detached' })
    await page.goBack()
    await heading(page, `Customer ${customer}`).waitFor()
  })

  it('shows what was refused beside what counts, and leads to it', async () => {
    const meter = await createMeter(suite.stripe)
    await report(suite.stripe, meter, '1', { customer, at })
    const { authentication_token } = await suite.stripe.v2.billing.meterEventSession.create()
    const lost = (identifier: string) => ({
      event_name: meter.event_name,
      identifier,
      timestamp: new Date(at).toISOString(),
      payload: { stripe_customer_id: customer, value: 'many' },
    })
    const stream = suite.service.client(authentication_token).v2.billing.meterEventStream
    await stream.create({ events: [lost(MALICIOUS), lost('another')] })
    const page = await opened()
    await page.getByRole('button', { name: `Explain ${meter.display_name}` }).click()
    const refused = page.getByRole('region', { name: 'Refused by the event stream' })
    await refused.getByText('It was not counted:').nth(1).waitFor()
    expect(await seriousIssues(page)).toEqual([])
    await refused.getByRole('link', { name: MALICIOUS, exact: true }).click()
    await heading(page, 'Rejections').waitFor()
    const rejections = page.getByRole('list', { name: 'Rejections' }).locator(':scope > li')
    await rejections.getByRole('link', { name: customer, exact: true }).waitFor()
    expect(await rejections.count()).toBe(1)
    expect(await page.getByRole('textbox', { name: 'Identifier' }).inputValue()).toBe(MALICIOUS)
    expect(await page.getByRole('button', { name: /^Try all open/ }).count()).toBe(0)
    expect(await seriousIssues(page)).toEqual([])
    await page.getByRole('textbox', { name: 'Identifier' }).fill('another')
    await rejections.filter({ hasText: 'another' }).waitFor()
    expect(await rejections.count()).toBe(1)
  })

  it('is explained where nothing counts any more', async () => {
    const meter = await createMeter(suite.stripe)
    const gone = `gone ${MALICIOUS}`
    await report(suite.stripe, meter, '3', { customer: gone, at, identifier: 'taken back' })
    await report(suite.stripe, meter, '1', { customer: 'another', at })
    await cancel(suite.stripe, meter, 'taken back')
    const page = await suite.signedIn(TEST_KEY, {}, `#/customers/${encodeURIComponent(gone)}?period=last_30_days`)
    await page.getByText('Events that were cancelled are on the page of their meter').waitFor()
    await page.locator('main').getByRole('link', { name: 'Meters', exact: true }).last().click()
    await page.getByRole('link', { name: meter.display_name }).click()
    await page.getByLabel('Customer', { exact: true }).fill(gone)
    await page.getByRole('button', { name: 'Show' }).click()
    await heading(page, meter.display_name).waitFor()
    const events = page.getByRole('region', { name: `Events of ${gone} in this period` })
    await events.getByRole('link', { name: 'taken back' }).waitFor()
    await events.getByText(new RegExp(`It was cancelled at ${INSTANT}\\.`)).waitFor()
    await events.getByText('These events add up to 0.').waitFor()
    expect(await seriousIssues(page)).toEqual([])
    await page.getByRole('button', { name: 'All customers' }).click()
    await events.waitFor({ state: 'detached' })
  })

  it('does not call counted what is only in effect, where the last value is taken', async () => {
    const meter = await createMeter(suite.stripe, 'last')
    for (const value of ['4', '5']) await report(suite.stripe, meter, value, { customer: 'cus_last', at })
    const page = await suite.signedIn(TEST_KEY, {}, `#/meters/${meter.id}`)
    await page.locator('.figures > div', { hasText: 'Events in effect' }).getByText('2', { exact: true }).waitFor()
    await page.getByText('only the latest of them gives it').waitFor()
    await page.getByRole('row', { name: 'cus_last 5 100%' }).waitFor()
  })
})
