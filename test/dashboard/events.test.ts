/** The events of a meter: each with what became of it, as they come in, and the way to cancel one. */
import { expect, it } from '@jest/globals'
import type { Locator, Page } from 'playwright-core'
import { DAY_MS, HOUR_MS } from '../../src/domain/time-bucket.js'
import { cancel, createMeter, report, total, type Meter } from '../metered-usage.js'
import { TEST_KEY } from '../running-service.js'
import { overflow, seriousIssues } from './browser.js'
import { describeDashboard, MALICIOUS } from './dashboard-suite.js'

interface Streamed {
  readonly event_name: string
  readonly identifier: string
  readonly payload: Record<string, string>
}

describeDashboard('The Events tab', (suite) => {
  const open = (meter: Meter, key = TEST_KEY, options = {}): Promise<Page> =>
    suite.signedIn(key, options, `#/meters/${meter.id}/events`)
  const row = (page: Page, identifier: string): Locator =>
    page.locator('.event').filter({ has: page.getByText(identifier, { exact: true }) })
  const identifiers = (page: Page): Promise<string[]> => page.locator('.event-head > code').allTextContents()

  async function shows(page: Page, count: number): Promise<void> {
    await page
      .locator('.event')
      .nth(count - 1)
      .waitFor()
    await page.locator('.event').nth(count).waitFor({ state: 'detached' })
  }

  /** Sends events by the stream, which keeps what it refuses. */
  async function stream(events: Streamed[]): Promise<void> {
    const { authentication_token } = await suite.stripe.v2.billing.meterEventSession.create()
    await suite.service.client(authentication_token).v2.billing.meterEventStream.create({ events })
  }

  it('says what to do while there is none, and shows the first as it comes', async () => {
    const meter = await createMeter(suite.stripe)
    const page = await open(meter)
    await page.getByRole('heading', { name: 'No events yet' }).waitFor()
    expect(await seriousIssues(page)).toEqual([])
    await report(suite.stripe, meter, '0.5', { identifier: 'first' })
    await row(page, 'first').getByText('It adds 0.5 to the usage of cus_A').waitFor()
    await report(suite.stripe, meter, '1.5', { identifier: 'second' })
    await row(page, 'second').waitFor()
    expect(await identifiers(page)).toEqual(['second', 'first'])
  })

  it('has one plain sentence for each fate', async () => {
    const day = Date.now() - DAY_MS
    const hour = day - (day % HOUR_MS)
    const hourly = await createMeter(suite.stripe, 'sum', {
      event_time_window: 'hour',
      dimension_payload_keys: ['region'],
    })
    const eu = { payload: { region: 'eu' } }
    await report(suite.stripe, hourly, 5, { identifier: 'early', at: hour, ...eu })
    await report(suite.stripe, hourly, 7, { identifier: 'late', at: hour, ...eu })
    const payload = { stripe_customer_id: 'cus_A', value: '9', region: 'eu' }
    await stream([
      { event_name: hourly.event_name, identifier: 'late', payload },
      { event_name: hourly.event_name, identifier: 'lost', payload: { stripe_customer_id: 'cus_A', value: '1' } },
      { event_name: hourly.event_name, identifier: 'many', payload: { ...payload, value: MALICIOUS } },
    ])
    const page = await open(hourly)
    await row(page, 'early').getByText('late was received later for the same hour').waitFor()
    await page
      .locator('.event', { hasText: 'Counted' })
      .getByText('It is the last report of cus_A with these dimensions for the hour')
      .waitFor()
    await page.locator('.event', { hasText: 'Duplicate' }).getByText('It is a duplicate of late').waitFor()
    await row(page, 'lost').getByText('It was not counted: The payload must contain every dimension').waitFor()
    await row(page, 'many').getByText(MALICIOUS, { exact: true }).waitFor()
    expect(await page.locator('.event').count()).toBe(5)

    const last = await createMeter(suite.stripe, 'last')
    const noon = day - (day % DAY_MS) + 12 * HOUR_MS
    await report(suite.stripe, last, 3, { identifier: 'noon', at: noon })
    await report(suite.stripe, last, 4, { identifier: 'morning', at: noon - HOUR_MS })
    await page.evaluate(`location.hash = '#/meters/${last.id}/events'`)
    await row(page, 'morning').getByText('noon happened later, and only the latest value counts.').waitFor()
    await row(page, 'noon').getByText('It is the latest value of cus_A on').waitFor()
    expect(await seriousIssues(page)).toEqual([])
  })

  it('cancels an event after asking, and the total follows', async () => {
    const meter = await createMeter(suite.stripe)
    await report(suite.stripe, meter, '10', { identifier: 'right' })
    await report(suite.stripe, meter, '90', { identifier: MALICIOUS })
    const page = await open(meter)
    const wrong = row(page, MALICIOUS)
    await wrong.getByRole('button', { name: `Cancel ${MALICIOUS}` }).focus()
    await page.keyboard.press('Enter')
    const dialog = page.getByRole('dialog')
    await dialog.getByText(`${MALICIOUS} no longer counts for cus_A: 90 is taken out.`).waitFor()
    expect(await seriousIssues(page)).toEqual([])
    await page.keyboard.press('Escape')
    await dialog.waitFor({ state: 'detached' })
    const interval = { start: Math.floor(Date.now() / DAY_MS) * DAY_MS - DAY_MS, end: 0 }
    interval.end = interval.start + 2 * DAY_MS
    expect(await total(suite.stripe, meter, interval)).toBe('100')
    await page.keyboard.press('Enter')
    await dialog.getByRole('button', { name: 'Cancel the event' }).click()
    await wrong.getByText('It was cancelled at').waitFor()
    await dialog.waitFor({ state: 'detached' })
    expect(await wrong.getByRole('button').count()).toBe(0)
    await wrong.and(page.locator(':focus')).waitFor()
    expect(await total(suite.stripe, meter, interval)).toBe('10')

    await wrong.getByText('Details', { exact: true }).click()
    await wrong.getByText('Cancelled by request').waitFor()
    await wrong.getByText('"value": "90"').waitFor()
    expect(await seriousIssues(page)).toEqual([])
  })

  it('says in an open dialog that the event was cancelled elsewhere', async () => {
    const meter = await createMeter(suite.stripe)
    await report(suite.stripe, meter, 1, { identifier: 'twice' })
    const page = await open(meter)
    await row(page, 'twice').getByRole('button', { name: 'Cancel twice' }).click()
    const dialog = page.getByRole('dialog')
    await dialog.getByRole('button', { name: 'Cancel the event' }).waitFor()
    await cancel(suite.stripe, meter, 'twice')
    await dialog.getByText('Somebody else has cancelled this event in the meantime.').waitFor()
    expect(await dialog.getByRole('button', { name: 'Cancel the event' }).count()).toBe(0)
    expect(await seriousIssues(page)).toEqual([])
    await dialog.getByRole('button', { name: 'Close' }).click()
    await dialog.waitFor({ state: 'detached' })
    expect(await row(page, 'twice').getByRole('button').count()).toBe(0)
    await row(page, 'twice').and(page.locator(':focus')).waitFor()
  })

  it.each(['..', 'job/7'])('has the details of an event that no path can carry: %s', async (identifier) => {
    const meter = await createMeter(suite.stripe)
    const reported = await report(suite.stripe, meter, 1, { identifier })
    const page = await open(meter)
    await row(page, identifier).getByText('Details', { exact: true }).click()
    await row(page, identifier).getByText(reported.lastResponse.requestId, { exact: true }).waitFor()
  })

  it('offers no cancelling to a read key, and says what it takes', async () => {
    const meter = await createMeter(suite.stripe)
    await report(suite.stripe, meter, 1, { identifier: 'there' })
    const page = await open(meter, await suite.service.newKey({ role: 'read' }))
    await row(page, 'there').getByText('Details', { exact: true }).click()
    await row(page, 'there').getByText('sign in with a secret key').waitFor()
    expect(await page.locator('.content').getByRole('button').count()).toBe(0)
  })

  it('says that an event of the day before can no longer be cancelled', async () => {
    const meter = await createMeter(suite.stripe)
    await report(suite.stripe, meter, 1, { identifier: 'old' })
    const page = await open(meter)
    await row(page, 'old').getByRole('button', { name: 'Cancel old' }).waitFor()
    await page.clock.setFixedTime(Date.now() + DAY_MS + HOUR_MS)
    await page.reload()
    await row(page, 'old').getByText('Details', { exact: true }).click()
    await row(page, 'old').getByText('It can no longer be cancelled').waitFor()
    expect(await row(page, 'old').getByRole('button').count()).toBe(0)
  })

  it('pages back through both lists in the order of receipt, and filters', async () => {
    const meter = await createMeter(suite.stripe)
    const { event_name } = meter
    for (const part of [0, 1, 2]) {
      await stream(
        Array.from({ length: 40 }, (_, index) => ({
          event_name,
          identifier: `e${part}-${index}`,
          payload: { stripe_customer_id: `cus_${part}`, value: index % 2 === 0 ? '1' : 'none' },
        })),
      )
    }
    const page = await open(meter)
    const older = page.getByRole('button', { name: 'Load older' })
    for (;;) {
      await older
        .or(page.getByText('e0-0', { exact: true }))
        .first()
        .waitFor()
      if ((await older.count()) === 0) break
      const shown = (await identifiers(page)).length
      await older.click()
      await page.locator('.event').nth(shown).waitFor()
    }
    const all = await identifiers(page)
    expect(new Set(all).size).toBe(120)
    expect(all.map((identifier) => Number(identifier[1]))).toEqual(all.map((_, index) => 2 - Math.floor(index / 40)))
    await page.getByLabel('Status').selectOption('Rejected')
    await page.getByLabel('Customer').fill('cus_1')
    await shows(page, 20)
    expect(await identifiers(page)).toEqual(expect.arrayContaining(['e1-1', 'e1-39']))
    await page.getByLabel('Status').selectOption('Recorded')
    await page.getByLabel('Identifier').fill('e1-2')
    await shows(page, 1)
    expect(await identifiers(page)).toEqual(['e1-2'])
    await page.getByLabel('Received before').fill('2020-01-01T00:00:00')
    await page.getByText('No event matches the filters.').waitFor()
    await page.getByRole('button', { name: 'Clear filters' }).click()
    await page.locator('.event').nth(40).waitFor()
    expect(await page.getByLabel('Identifier').inputValue()).toBe('')
  })

  it('leaves out none of what was recorded side by side', async () => {
    const meter = await createMeter(suite.stripe)
    const part = (name: string) =>
      suite.stripe.rawRequest('POST', '/meterbook/v1/usage_imports', {
        events: Array.from({ length: 100 }, (_, index) => ({
          event_name: meter.event_name,
          identifier: `${name}-${index}`,
          payload: { stripe_customer_id: 'cus_A', value: '1' },
        })),
      })
    const page = await open(meter)
    await Promise.all(['a', 'b', 'c'].map(part))
    for (let shown = 50; shown < 300; shown += 50) {
      await page
        .locator('.event')
        .nth(shown - 1)
        .waitFor()
      await page.getByRole('button', { name: 'Load older' }).click()
    }
    await shows(page, 300)
    expect(new Set(await identifiers(page)).size).toBe(300)
  })

  it('fits a small screen, in Japanese', async () => {
    const meter = await createMeter(suite.stripe)
    await report(suite.stripe, meter, 1, { identifier: 'x'.repeat(100), customer: 'c'.repeat(255) })
    const page = await open(meter, TEST_KEY, { locale: 'ja-JP', viewport: { width: 375, height: 700 } })
    await page.getByText('の使用量に 1 を加えています').waitFor()
    await page.getByText('詳細', { exact: true }).click()
    await page.getByText('記録したリクエスト').waitFor()
    expect(await overflow(page)).toBe(0)
    expect(await seriousIssues(page)).toEqual([])
  })
})
