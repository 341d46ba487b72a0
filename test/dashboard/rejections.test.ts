/** The page of rejections: what was refused and why, and another try. */
import { expect, it } from '@jest/globals'
import type { Page } from 'playwright-core'
import type Stripe from 'stripe'
import { DAY_MS } from '../../src/domain/time-bucket.js'
import { uniqueName } from '../controls.js'
import { createMeter, total, type Meter } from '../metered-usage.js'
import { TEST_KEY } from '../running-service.js'
import { expectReadable, seriousIssues } from './browser.js'
import { describeDashboard, heading, MALICIOUS } from './dashboard-suite.js'

const PATH = '#/rejections'

describeDashboard('The page of rejections', (suite) => {
  const stream = async (events: readonly unknown[], account = TEST_KEY): Promise<void> => {
    const { authentication_token } = await suite.service.client(account).v2.billing.meterEventSession.create()
    await suite.service.client(authentication_token).v2.billing.meterEventStream.create({ events } as never)
  }
  const event = (event_name: string, identifier: string, value = '5', customer = 'cus_A') => ({
    event_name,
    identifier,
    payload: { stripe_customer_id: customer, value },
  })
  const opened = async (key = TEST_KEY, options = {}): Promise<Page> => {
    const page = await suite.signedIn(key, options, PATH)
    await page.getByRole('main').getByRole('combobox').first().waitFor()
    return page
  }
  const now = (stripe: Stripe, meter: Meter): Promise<string> =>
    total(stripe, meter, {
      start: Math.floor(Date.now() / DAY_MS - 1) * DAY_MS,
      end: Math.ceil(Date.now() / DAY_MS + 1) * DAY_MS,
    })
  const rejection = (page: Page, identifier: string) => page.getByRole('listitem').filter({ hasText: identifier })

  it('says that nothing was refused, and what would be', async () => {
    const page = await opened(await suite.service.newKey({ account: 'quiet' }))
    await page.getByRole('heading', { name: 'Nothing was refused' }).waitFor()
    expect(await page.getByRole('button', { name: /again/ }).count()).toBe(0)
    expect(await seriousIssues(page)).toEqual([])
  })

  it('shows refusals as they arrive, counted by reason, as text and as they were sent', async () => {
    const key = await suite.service.newKey({ account: 'arriving' })
    const page = await opened(key)
    await heading(page, 'Rejections').waitFor()
    await stream([event(MALICIOUS, MALICIOUS, MALICIOUS, MALICIOUS), event('nobody', 'second')], key)
    await page.getByRole('row', { name: /^no_meter No active meter has this event name\. 2 2 0$/ }).waitFor()
    const first = rejection(page, MALICIOUS)
    await first.getByText('Event as it was sent').click()
    await first.getByText(JSON.stringify(MALICIOUS)).first().waitFor()
    expect(await seriousIssues(page)).toEqual([])
  })

  it('shows numbers of a refused event with the digits that were sent', async () => {
    const key = await suite.service.newKey({ account: 'exact' })
    const { authentication_token } = await suite.service.client(key).v2.billing.meterEventSession.create()
    const numbers = '"value":12345678901234567890,"rate":0.10,"beyond":1e400,"plain":7'
    const sent = await fetch(`${suite.service.url}/v2/billing/meter_event_stream`, {
      method: 'POST',
      headers: { authorization: `Bearer ${authentication_token}`, 'content-type': 'application/json' },
      body: `{"events":[{"event_name":"nobody","identifier":"numbers","payload":{"stripe_customer_id":"c",${numbers}}}]}`,
    })
    expect(sent.status).toBe(200)
    const page = await opened(key)
    const shown = rejection(page, 'numbers')
    await shown.getByText('Event as it was sent').click()
    const text = (await shown.locator('pre').innerText()).replaceAll(/\s/g, '')
    expect(text).toContain(numbers)
  })

  it('tries one again: it says why it does not count yet, and counts once it can', async () => {
    const event_name = uniqueName('event_')
    const identifier = uniqueName('one-')
    await stream([event(event_name, identifier)])
    const page = await opened()
    const retry = page.getByRole('button', { name: `Try again: ${identifier}` })
    await retry.click()
    await rejection(page, identifier).getByRole('alert').waitFor()
    expect(await retry.and(page.locator(':focus')).count()).toBe(1)
    const meter = await createMeter(suite.stripe, 'sum', { event_name })
    await retry.click()
    await rejection(page, identifier).waitFor({ state: 'detached' })
    expect(await now(suite.stripe, meter)).toBe('5')
    await page.getByLabel('Status').selectOption('Resolved')
    await rejection(page, identifier).getByText('Resolved', { exact: true }).waitFor()
  })

  it('tries all that match again, after a question, and says what became of them', async () => {
    const key = await suite.service.newKey({ account: 'many' })
    const stripe = suite.service.client(key)
    const meter = await createMeter(stripe)
    const event_name = uniqueName('later_')
    const late = Array.from({ length: 30 }, (_, n) => event(event_name, `late-${n}`, '1'))
    await stream([...late, event('never', 'n-1'), event(meter.event_name, 'wrong', 'many')], key)
    const page = await opened(key)
    const older = page.getByRole('button', { name: 'Show older ones' })
    await older.waitFor()
    expect(await page.getByRole('main').getByRole('listitem').count()).toBe(25)
    await older.click()
    await rejection(page, 'late-0').waitFor()
    // The button has gone, and left the focus at the end of the list.
    expect(await page.evaluate('document.activeElement.previousElementSibling.className')).toBe('rejections')

    await page.getByRole('button', { name: 'no_meter' }).click()
    await rejection(page, 'wrong').waitFor({ state: 'detached' })
    const made = await createMeter(stripe, 'count', { event_name })
    await page.getByRole('button', { name: 'Try all open again (31)' }).click()
    await page.getByRole('heading', { name: 'Try 31 rejections again?' }).waitFor()
    expect(await seriousIssues(page)).toEqual([])
    const tries: string[] = []
    page.on('request', (request) => {
      if (request.method() === 'POST') tries.push(request.url())
    })
    // Clicked twice before the page is drawn again.
    await page.getByRole('button', { name: 'Try them again' }).focus()
    await page.evaluate('document.activeElement.click(), document.activeElement.click()')
    await page.getByText('30 counted, 0 had been counted already, 1 still refused.').waitFor()
    expect(await now(stripe, made)).toBe('30')
    await page.getByRole('row', { name: /^no_meter .* 31 1 30$/ }).waitFor()
    expect(tries).toHaveLength(1)

    await page.getByLabel('Reason', { exact: true }).selectOption('')
    await page.getByLabel('Meter', { exact: true }).selectOption(meter.id)
    await rejection(page, 'wrong').getByRole('link', { name: meter.display_name }).waitFor()
    await rejection(page, 'n-1').waitFor({ state: 'detached' })
    await page.getByLabel('Status').selectOption('Resolved')
    await page.getByRole('heading', { name: 'No rejection matches' }).waitFor()
  })

  it('finds those of a customer, whom the address may name, whatever became of them', async () => {
    const key = await suite.service.newKey({ account: 'customers' })
    const event_name = uniqueName('late_')
    await stream([event(event_name, 'was mine', '5', 'cus_mine'), event('never', 'is mine', '5', 'cus_mine')], key)
    await createMeter(suite.service.client(key), 'sum', { event_name })
    await suite.service.client(key).rawRequest('POST', '/meterbook/v1/rejections/retry', { event_name })
    await stream([event('never', 'of another', '5', 'cus_other')], key)
    const page = await suite.signedIn(key, {}, `${PATH}?customer=cus_mine`)
    await rejection(page, 'was mine').getByText('Resolved', { exact: true }).waitFor()
    await rejection(page, 'is mine').getByText('Open', { exact: true }).waitFor()
    expect(await page.getByRole('main').getByRole('listitem').count()).toBe(2)

    await page.getByLabel('Customer', { exact: true }).fill('cus_other')
    await rejection(page, 'of another').waitFor()
    await rejection(page, 'is mine').waitFor({ state: 'detached' })
    await page.getByRole('link', { name: 'Rejections' }).click()
    await page.getByRole('row', { name: /^no_meter .* 3 2 1$/ }).waitFor()
    expect(await page.getByLabel('Customer', { exact: true }).inputValue()).toBe('')
  })

  it('says in Japanese why an event was refused, and which part of it is wrong', async () => {
    const key = await suite.service.newKey({ account: 'japanese' })
    await stream([event('nobody', 'without a meter'), event('x'.repeat(101), 'with a long name')], key)
    const page = await opened(key, { locale: 'ja-JP' })
    await rejection(page, 'without a meter').getByText('有効なメーターがありません。').waitFor()
    await rejection(page, 'with a long name').getByText('event_name must be at most').waitFor()
  })

  it('offers a read key no retry', async () => {
    const key = await suite.service.newKey({ account: 'read_only' })
    await stream([event('nobody', 'seen')], key)
    const page = await opened(await suite.service.newKey({ account: 'read_only', role: 'read' }))
    await rejection(page, 'seen').waitFor()
    expect(await page.getByRole('button', { name: /again/ }).count()).toBe(0)
  })

  it('fits a small screen and can be read, in the light and in the dark', async () => {
    const identifier = uniqueName('x'.repeat(80))
    await stream([event('y'.repeat(100), identifier)])
    const page = await opened(TEST_KEY, { locale: 'ja-JP', viewport: { width: 375, height: 700 } })
    await rejection(page, identifier).getByText('送信されたイベント').click()
    await expectReadable(page)
  })
})
