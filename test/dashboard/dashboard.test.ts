/** The dashboard in a real browser, against the real service: signing in, the list of meters, and creating one. */
import { expect, it } from '@jest/globals'
import type { Page } from 'playwright-core'
import { uniqueName } from '../controls.js'
import { createMeter } from '../metered-usage.js'
import { TEST_KEY } from '../running-service.js'
import { expectReadable, seriousIssues } from './browser.js'
import { describeDashboard, heading, MALICIOUS } from './dashboard-suite.js'

describeDashboard('The dashboard', (suite) => {
  it('says why a key is not taken, and keeps nothing of it', async () => {
    const page = await suite.open()
    await page.getByRole('button', { name: 'Sign in' }).click()
    await page.getByText('Enter an API key.').waitFor()
    await page.getByLabel('API key').fill('sk_test_of_nobody')
    await page.keyboard.press('Enter')
    await page.getByText('This is no active API key').waitFor()
    expect(await seriousIssues(page)).toEqual([])
    expect(await page.context().cookies()).toEqual([])
  })

  it('signs in by keyboard alone, survives a reload, and signs out', async () => {
    const page = await suite.signedIn()
    await page.reload()
    await heading(page, 'Meters').waitFor()
    await page.getByText('Test', { exact: true }).waitFor()
    const [cookie] = await page.context().cookies()
    expect(cookie).toMatchObject({ httpOnly: true, sameSite: 'Strict' })
    expect(cookie?.value).not.toContain(TEST_KEY)
    await page.getByRole('button', { name: 'Sign out' }).click()
    await heading(page, 'Sign in').waitFor()
    expect(await page.context().cookies()).toEqual([])
  })

  it('shows a live ledger as live, and a read key no button it may not use', async () => {
    const live = await suite.signedIn(await suite.service.newKey({ mode: 'live' }))
    await live.getByText('Live', { exact: true }).waitFor()
    await live.getByRole('heading', { name: 'No meters yet' }).waitFor()
    await live.getByRole('link', { name: 'Create meter' }).waitFor()
    const read = await suite.signedIn(await suite.service.newKey({ role: 'read' }))
    await read.getByText('Read only').waitFor()
    await heading(read, 'Meters').waitFor()
    expect(await read.getByRole('link', { name: 'Create meter' }).count()).toBe(0)
  })

  it('lists and searches meters, and shows what they are called as text', async () => {
    const name = `${MALICIOUS} ${uniqueName('')}`
    await createMeter(suite.stripe, 'last', { display_name: name, event_name: MALICIOUS })
    const other = await createMeter(suite.stripe, 'sum', { event_time_window: 'day' })
    const page = await suite.signedIn()
    await page.getByRole('rowheader', { name }).waitFor()
    expect(await page.getByRole('cell', { name: MALICIOUS, exact: true }).count()).toBe(1)
    await page.getByLabel('Search meters').fill(other.event_name)
    await page.getByRole('row', { name: new RegExp(`${other.event_name} Sum Daily Active`) }).waitFor()
    expect(await page.getByRole('rowheader').count()).toBe(1)
    await page.getByLabel('Search meters').fill('nothing is called so')
    await page.getByText('No meter has “nothing is called so”').waitFor()
  })

  it('creates the meter it previewed, and the preview says what the service would', async () => {
    const event_name = uniqueName('created_')
    const page = await suite.signedIn()
    await page.getByRole('link', { name: 'Create meter' }).click()
    await page.getByLabel('Meter name').fill('Alpaca AI tokens')
    await page.getByLabel('Event name').fill(event_name)
    await page.getByText('Advanced settings').click()
    await page.getByText('Hourly').click()
    await page.getByLabel('Dimensions').fill('region')
    const samples = page.locator('.samples > li')
    const fate = (index: number) => samples.nth(index).locator('.fate')
    expect(await samples.nth(0).getByLabel('region').inputValue()).toBe('example')
    await samples.nth(0).getByLabel('region').fill('')
    await expectText(fate(0), 'Refused')
    await expectText(fate(0), 'region is missing')
    for (const index of [0, 1, 2]) await samples.nth(index).getByLabel('region').fill('tokyo')
    await expectText(fate(0), 'Overwritten event-2 was received later in the same hour')
    await expectText(fate(1), 'Counted Gives 250 to the total.')
    expect(await totals(page)).toEqual({ cus_alpaca: '250', cus_llama: '7.5' })

    await page.getByRole('button', { name: 'Receive event 1 later' }).click()
    await expectText(fate(1), 'Counted Gives 100 to the total.')
    await page.getByRole('button', { name: 'Add event' }).click()
    await samples.nth(3).getByLabel('Value').fill('0.1')
    await samples.nth(3).getByLabel('Customer').fill(MALICIOUS)
    await page.getByRole('button', { name: 'Add event' }).click()
    await samples.nth(4).getByLabel('Value').fill('many')
    await expectText(fate(4), 'must be a number')
    expect(await totals(page)).toEqual({ cus_alpaca: '100', cus_llama: '7.5', [MALICIOUS]: '0.1' })
    const sampleEvents: object[] = []
    for (const sample of await samples.all()) {
      const field = (label: string): Promise<string> => sample.getByLabel(label).inputValue()
      sampleEvents.push({
        identifier: await field('Identifier'),
        timestamp: Date.parse(`${await field('Time (UTC)')}Z`) / 1000,
        payload: {
          stripe_customer_id: await field('Customer'),
          value: await field('Value'),
          region: await field('region'),
        },
      })
    }
    const { customers } = (await suite.stripe.rawRequest('POST', '/meterbook/v1/meters/preview', {
      display_name: 'Alpaca AI tokens',
      event_name,
      default_aggregation: { formula: 'sum' },
      event_time_window: 'hour',
      dimension_payload_keys: ['region'],
      sample_events: sampleEvents,
    })) as unknown as { customers: { customer: string; aggregated_value_decimal: string }[] }
    expect(await totals(page)).toEqual(
      Object.fromEntries(
        customers.map(({ customer, aggregated_value_decimal }) => [customer, aggregated_value_decimal]),
      ),
    )
    expect(await seriousIssues(page)).toEqual([])

    await page.getByRole('button', { name: 'Create meter' }).click()
    await heading(page, 'Alpaca AI tokens Active').waitFor()
    await page.getByRole('heading', { name: '2. Send an event' }).waitFor()
    expect(await seriousIssues(page)).toEqual([])
    const { data } = await suite.stripe.billing.meters.list({ limit: 100 })
    expect(data.find((meter) => meter.event_name === event_name)).toMatchObject({
      dimension_payload_keys: ['region'],
      display_name: 'Alpaca AI tokens',
      event_time_window: 'hour',
    })
  })

  it('names what is wrong at its field, a taken event name too', async () => {
    const taken = await createMeter(suite.stripe)
    const page = await suite.signedIn()
    await page.getByRole('link', { name: 'Create meter' }).click()
    const create = page.getByRole('button', { name: 'Create meter' })
    await create.click()
    await page.getByText('This must not be empty.').waitFor()
    await page.getByLabel('Meter name').fill('Another')
    await page.getByLabel('Event name').fill(taken.event_name)
    await create.click()
    await page
      .locator('.field', { hasText: 'An active meter already exists' })
      .getByLabel('Event name')
      .and(page.locator(':focus'))
      .waitFor()
    await page.getByText('Advanced settings').click()
    await page.getByLabel('Event name').fill(uniqueName('free_'))
    await page.getByLabel('Value key').fill('stripe_customer_id')
    await create.click()
    await page
      .locator('.field', { hasText: 'cannot both be read' })
      .getByLabel('Value key')
      .and(page.locator(':focus'))
      .waitFor()
  })

  it('previews over what was recorded under the event name', async () => {
    const meter = await createMeter(suite.stripe)
    for (const value of ['1.5', '2']) {
      await suite.stripe.billing.meterEvents.create({
        event_name: meter.event_name,
        payload: { stripe_customer_id: 'cus_real', value },
      })
    }
    const page = await suite.signedIn()
    await page.getByRole('link', { name: 'Create meter' }).click()
    await page.getByRole('tab', { name: 'Recorded events' }).click()
    await page.getByText('Enter an event name first.').waitFor()
    await page.getByLabel('Event name').fill(meter.event_name)
    await page.getByRole('button', { name: 'Try it on recorded events' }).click()
    await page.locator('[data-total-of=cus_real]', { hasText: /^3\.5$/ }).waitFor()
    await page.getByText('Counts the events').click()
    await page.getByText('The settings have changed since').waitFor()
    await page.getByRole('button', { name: 'Try it on recorded events' }).click()
    await page.locator('[data-total-of=cus_real]', { hasText: /^2$/ }).waitFor()
  })

  it('speaks Japanese to a Japanese browser, and whichever is chosen from then on', async () => {
    const page = await suite.open({ locale: 'ja-JP' })
    await heading(page, 'ログイン').waitFor()
    expect(await page.locator('html').getAttribute('lang')).toBe('ja')
    await page.getByRole('button', { name: 'English' }).click()
    await heading(page, 'Sign in').waitFor()
    await page.reload()
    await heading(page, 'Sign in').waitFor()
  })

  it('fits a small screen and can be read, in the light and in the dark', async () => {
    await createMeter(suite.stripe, 'count', { display_name: 'X'.repeat(250) })
    const page = await suite.signedIn(TEST_KEY, { locale: 'ja-JP', viewport: { width: 375, height: 700 } })
    await page.getByRole('table').waitFor()
    await expectReadable(page)
    await page.getByRole('link', { name: 'メーターを作成' }).click()
    await page.getByText('詳細設定').click()
    await page.getByLabel('ディメンション').fill('region, model')
    await page.locator('.samples').getByLabel('model').first().waitFor()
    await expectReadable(page)
  })

  it('says that the service cannot be reached, and goes on when it can again', async () => {
    const page = await suite.signedIn()
    await heading(page, 'Meters').waitFor()
    await page.getByRole('link', { name: 'Create meter' }).click()
    await page.getByLabel('Meter name').fill('Kept')
    await page.getByLabel('Event name').fill(uniqueName('kept_'))
    await page.context().setOffline(true)
    await page.getByRole('button', { name: 'Create meter' }).click()
    await page.getByText('The service could not be reached.').waitFor()
    await page.context().setOffline(false)
    await page.getByRole('button', { name: 'Try again' }).click()
    await heading(page, 'Kept Active').waitFor()
  })

  it('shows by itself what it could not while there was no network, once there is one again', async () => {
    const { id } = await createMeter(suite.stripe)
    const page = await suite.signedIn(TEST_KEY, {}, `#/meters/${id}`)
    await page.getByLabel('Last month').waitFor({ state: 'attached' })
    await page.context().setOffline(true)
    let tries = 0
    // It is tried again twice, and no more.
    const last = page.waitForEvent('requestfailed', (request) => request.url().includes('/usage?') && ++tries === 3)
    await page.evaluate("location.hash += '?period=last-month'")
    await last
    await page.getByRole('button', { name: 'Try again' }).first().waitFor()
    await page.context().setOffline(false)
    await page.getByText('The service could not be reached.').first().waitFor({ state: 'detached' })
    expect(await page.getByText('This did not work').count()).toBe(0)
  })
})

async function totals(page: Page): Promise<Record<string, string>> {
  const cells = await page.locator('[data-total-of]').all()
  const entries = cells.map(
    async (cell) => [await cell.getAttribute('data-total-of'), await cell.textContent()] as const,
  )
  return Object.fromEntries(await Promise.all(entries)) as Record<string, string>
}

async function expectText(locator: ReturnType<Page['locator']>, text: string): Promise<void> {
  await locator.filter({ hasText: text }).waitFor()
}
