/** What is chosen is in the address: it is there after a reload and Back, and goes along with every link. */
import { expect, it } from '@jest/globals'
import type { Page } from 'playwright-core'
import { DAY_MS, HOUR_MS } from '../../src/domain/time-bucket.js'
import { uniqueName } from '../controls.js'
import { cancel, createMeter, report, type Meter } from '../metered-usage.js'
import { FixedClock, TEST_KEY } from '../running-service.js'
import { expectReadable, seriousIssues } from './browser.js'
import { describeDashboard, heading, MALICIOUS } from './dashboard-suite.js'

const TODAY = Math.floor(Date.now() / DAY_MS) * DAY_MS
/** In the middle of the day before yesterday. */
const at = TODAY - 1.5 * DAY_MS
const clock = new FixedClock(at)
const day = (instant: number): string => new Date(instant).toISOString().slice(0, 10)
const second = (instant: number): string => new Date(instant).toISOString().slice(0, 19)
const FROM_TO = `from=${day(at)}T00:00Z&to=${day(at + DAY_MS)}T00:00Z`

describeDashboard(
  'The address of a page',
  (suite) => {
    const open = (path: string, options = {}): Promise<Page> => suite.signedIn(TEST_KEY, options, path)
    const query = (page: Page): URLSearchParams => new URLSearchParams(new URL(page.url()).hash.split('?')[1] ?? '')
    const figure = (page: Page, text: string): Promise<void> =>
      page.locator('[data-figure=total]').getByText(text, { exact: true }).waitFor()
    /** 10 for each customer, of which two hours later 4 are taken back of one. */
    const disputed = async (meter: Meter, customers: readonly string[]): Promise<number> => {
      for (const customer of customers) await report(suite.stripe, meter, '10', { customer, at, identifier: customer })
      clock.advance(HOUR_MS)
      const before = clock.now()
      clock.advance(HOUR_MS)
      await report(suite.stripe, meter, '-4', { customer: customers[0] as string, at })
      return before
    }

    it('says what an overview shows, and each step of it can be taken back', async () => {
      const meter = await createMeter(suite.stripe, 'sum', { dimension_payload_keys: ['region'] })
      const payload = { region: 'eu' }
      await report(suite.stripe, meter, '10', { customer: MALICIOUS, at, payload })
      await report(suite.stripe, meter, '5', { customer: 'cus_b', at, payload })
      const page = await open(`#/meters/${meter.id}`)
      await figure(page, '15')
      await page.getByLabel('All time').check()
      await page.getByLabel('Group by').selectOption('region')
      await page.getByRole('button', { name: `Only this one: ${MALICIOUS}` }).click()
      await figure(page, '10')
      expect(await page.getByLabel('Customer', { exact: true }).and(page.locator(':focus')).inputValue()).toBe(
        MALICIOUS,
      )
      await page.getByLabel('From – to').check()
      await page.getByLabel('From (UTC)').fill(`${day(at)}T00:00`)
      await page.getByLabel('To (UTC, exclusive)').fill(`${day(at + DAY_MS)}T00:00`)
      await page.getByText('The chart as a table').click()
      await page.getByRole('button', { name: `Explain ${day(at)} 12:00` }).click()
      await page.getByText('These events add up to 10.').waitFor()
      const all = { customer: MALICIOUS, group_by: 'region', bar: `${day(at)}T12:00:00Z` }
      expect(Object.fromEntries(query(page))).toEqual({
        ...all,
        from: `${day(at)}T00:00Z`,
        to: `${day(at + DAY_MS)}T00:00Z`,
      })
      const address = page.url()
      await page.reload()
      await page.getByText('These events add up to 10.').waitFor()
      expect(await page.getByLabel('Customer', { exact: true }).inputValue()).toBe(MALICIOUS)
      expect(await page.getByLabel('Group by').inputValue()).toBe('region')
      expect(await page.getByLabel('To (UTC, exclusive)').inputValue()).toBe(`${day(at + DAY_MS)}T00:00`)
      expect(page.url()).toBe(address)

      await page.goBack()
      await page.getByText('These events add up to 10.').waitFor({ state: 'detached' })
      await page.goBack()
      await page.getByLabel('All time').and(page.locator(':checked')).waitFor()
      await page.goBack()
      await figure(page, '15')
      expect(await page.getByLabel('Group by').inputValue()).toBe('region')
      await page.goBack()
      await page.goBack()
      await page.getByLabel('Last 30 days').and(page.locator(':checked')).waitFor()
      expect([...query(page)]).toEqual([])
      await page.goForward()
      await page.getByLabel('All time').and(page.locator(':checked')).waitFor()
    })

    it('leads on with the same period and moment, wherever one goes', async () => {
      const meter = await createMeter(suite.stripe)
      const customers = Array.from({ length: 11 }, (_, index) => `cus_${meter.id.slice(-4)}_${index + 10}`)
      const before = await disputed(meter, customers)
      const [first = ''] = customers
      const page = await open(`#/meters/${meter.id}?${FROM_TO}`)
      await figure(page, '106')
      await page.getByLabel('Exact time (UTC)').fill(second(before))
      await figure(page, '110')
      expect(query(page).get('as_of')).toBe(`${second(before)}Z`)

      await page.getByRole('link', { name: 'All 11 customers' }).click()
      await page.getByText('11 customers used 110 in all.').waitFor()
      expect(await page.getByRole('link', { name: 'Download CSV' }).getAttribute('href')).toContain(
        `as_of=${before / 1000}`,
      )
      await page.getByRole('link', { name: first }).click()
      await heading(page, `Customer ${first}`).waitFor()
      await page.locator(`[data-total-of=${meter.id}]`).getByText('10', { exact: true }).waitFor()
      await page.getByText(`${second(before).replace('T', ' ')} UTC`, { exact: true }).waitFor()
      await page.getByRole('button', { name: `Explain ${meter.display_name}` }).click()
      await page.getByText('These events add up to 10.').waitFor()
      await page.reload()
      await page.getByText('These events add up to 10.').waitFor()
      await page.getByRole('link', { name: first, exact: true }).click()
      await page.locator('.event').getByText('Recorded in the log (UTC)').waitFor()
      await page.locator('.event').getByRole('link', { name: first }).click()
      await heading(page, `Customer ${first}`).waitFor()
      expect(Object.fromEntries(query(page))).toEqual({
        ...Object.fromEntries(new URLSearchParams(FROM_TO)),
        as_of: `${second(before)}Z`,
      })
      await page.goBack()
      await page.goBack()
      await page.getByText('These events add up to 10.').waitFor()
      await page.getByRole('button', { name: 'Back to now' }).click()
      await page.locator(`[data-total-of=${meter.id}]`).getByText('6', { exact: true }).waitFor()
      await page.goBack()
      await page.locator(`[data-total-of=${meter.id}]`).getByText('10', { exact: true }).waitFor()

      await page.getByRole('link', { name: meter.display_name }).click()
      await figure(page, '10')
      await page.getByRole('link', { name: 'Events', exact: true }).click()
      await page.locator('.event').waitFor()
      expect(await page.locator('.event').count()).toBe(1)
      expect(
        await page
          .locator('.content')
          .getByRole('button', { name: /^Cancel/ })
          .count(),
      ).toBe(0)
      await page.getByRole('button', { name: 'Back to now' }).click()
      await page.locator('.event').nth(1).waitFor()
      await page.getByRole('link', { name: 'Overview', exact: true }).click()
      await figure(page, '6')
    })

    it('has a place in the log, and says so where none is', async () => {
      const meter = await createMeter(suite.stripe)
      const customer = `cus_${meter.id.slice(-6)}`
      await report(suite.stripe, meter, '10', { customer, at, identifier: 'wrong' })
      const page = await open(`#/meters/${meter.id}?${FROM_TO}`)
      await figure(page, '10')
      const position = (await page.locator('.figure-small').textContent()) ?? ''
      await cancel(suite.stripe, meter, 'wrong')
      await figure(page, '0')
      await page.getByLabel('or log position').fill(position)
      await page.keyboard.press('Enter')
      await figure(page, '10')
      await page.getByText(`As known at log position ${position}: with everything`).waitFor()
      expect(query(page).get('as_of_position')).toBe(position)
      expect(await page.locator(':focus').inputValue()).toBe(position)
      await page.getByRole('button', { name: 'Back to now' }).click()
      await figure(page, '0')
      expect(await page.getByLabel('Exact time (UTC)').and(page.locator(':focus')).count()).toBe(1)
      expect(await page.getByLabel('or log position').inputValue()).toBe('')
      // Left by a link, without a pause.
      await page.getByLabel('or log position').fill(position)
      await page.getByRole('link', { name: 'Customers', exact: true }).click()
      await page.getByText('1 customer used 10 in all.').waitFor()
      await page.getByRole('link', { name: 'Overview', exact: true }).click()
      await figure(page, '10')
      await page.getByRole('link', { name: customer }).click()
      await page.getByText(`Log position ${position}`, { exact: true }).waitFor()
      await page.locator('.digest-value').waitFor()
      await page.goBack()
      await page.getByRole('link', { name: 'Events', exact: true }).click()
      await page.locator('.event', { hasText: 'Counted' }).waitFor()
      await page.getByText('rejections are not listed').waitFor()
      await page.getByText('Details', { exact: true }).click()
      await page.getByText('Recorded in the log (UTC)').waitFor()
      for (const ofLater of ['Cancelled in the log (UTC)', 'It can no longer be cancelled']) {
        expect(await page.getByText(ofLater).count()).toBe(0)
      }
      await page.getByLabel('or log position').fill('99999999')
      await page.getByLabel('Status').focus()
      await page.getByText('No event of this log stands at that position.').waitFor()
      expect(await seriousIssues(page)).toEqual([])
      await page.getByLabel('Exact time (UTC)').fill('2999-01-01T00:00:00')
      await page.getByText('This moment is still to come').waitFor()
      await page.locator('.event', { hasText: 'Cancelled' }).waitFor()
    })

    it('shows what was counted only on being tried again as it was before', async () => {
      const event_name = uniqueName('later_')
      const { authentication_token } = await suite.stripe.v2.billing.meterEventSession.create()
      const payload = { stripe_customer_id: 'cus_late', value: '1' }
      await suite.service
        .client(authentication_token)
        .v2.billing.meterEventStream.create({ events: [{ event_name, identifier: 'late', payload }] })
      const meter = await createMeter(suite.stripe, 'sum', { event_name })
      clock.advance(HOUR_MS)
      const before = clock.now()
      clock.advance(HOUR_MS)
      await suite.stripe.rawRequest('POST', '/meterbook/v1/rejections/retry', { event_name })
      const page = await open(`#/meters/${meter.id}/events?as_of=${second(before)}Z`)
      await page.locator('.event').getByText('Rejected', { exact: true }).waitFor()
      expect(await page.locator('.event').count()).toBe(1)
      await page.getByRole('button', { name: 'Back to now' }).click()
      await page.locator('.event').getByText('Counted later', { exact: true }).waitFor()
    })

    it('says which events are looked for', async () => {
      const meter = await createMeter(suite.stripe)
      for (const customer of ['cus_a', 'cus_b']) {
        await report(suite.stripe, meter, 1, { customer, at, identifier: `of ${customer}` })
      }
      const page = await open(`#/meters/${meter.id}/events`)
      await page.locator('.event').nth(1).waitFor()
      await page.getByLabel('Status').selectOption('Recorded')
      await page.getByLabel('Customer').fill('cus_b')
      await page.locator('.event').nth(1).waitFor({ state: 'detached' })
      await page.getByLabel('Received from').fill(`${day(at)}T00:00:00`)
      await page.locator('.event', { hasText: 'of cus_b' }).waitFor()
      const filters = { status: 'recorded', customer: 'cus_b', received_from: `${day(at)}T00:00:00Z` }
      expect(Object.fromEntries(query(page))).toEqual(filters)
      await page.reload()
      await page.locator('.event', { hasText: 'of cus_b' }).waitFor()
      expect(await page.locator('.event').count()).toBe(1)
      expect(await page.getByLabel('Customer').inputValue()).toBe('cus_b')
      await page.goBack()
      await page.goBack()
      await page.locator('.event').nth(1).waitFor()
      expect(await page.getByLabel('Customer').inputValue()).toBe('')
    })

    it('says which meters are looked for', async () => {
      const [sought, other] = [await createMeter(suite.stripe), await createMeter(suite.stripe)]
      const page = await open('#/')
      await page.getByRole('link', { name: other.display_name }).waitFor()
      await page.getByLabel('Search meters').fill(sought.event_name)
      await page.getByRole('link', { name: other.display_name }).waitFor({ state: 'detached' })
      await page.getByRole('link', { name: sought.display_name }).click()
      await heading(page, sought.display_name).waitFor()
      await page.goBack()
      await page.getByRole('link', { name: sought.display_name }).waitFor()
      expect(await page.getByRole('link', { name: other.display_name }).count()).toBe(0)
      await page.reload()
      await page.getByRole('link', { name: sought.display_name }).waitFor()
      expect(await page.getByLabel('Search meters').inputValue()).toBe(sought.event_name)
      await page.goBack()
      await page.getByRole('link', { name: other.display_name }).waitFor()
    })

    it('says which rejections are looked for', async () => {
      const meter = await createMeter(suite.stripe)
      const identifier = uniqueName('refused / ')
      const payload = { stripe_customer_id: 'cus_refused', value: 'many' }
      const { authentication_token } = await suite.stripe.v2.billing.meterEventSession.create()
      await suite.service.client(authentication_token).v2.billing.meterEventStream.create({
        events: [
          { event_name: meter.event_name, identifier, payload },
          { event_name: uniqueName('nobody_'), identifier: 'another', payload },
        ],
      })
      const page = await open('#/rejections')
      const shown = page.getByRole('list', { name: 'Rejections' }).locator(':scope > li')
      const code = page.getByLabel('Reason', { exact: true })
      await page.getByLabel('Received').selectOption('Ever')
      await page.getByLabel('Meter', { exact: true }).selectOption(meter.id)
      await page.getByRole('button', { name: 'meter_event_invalid_value' }).click()
      await page.getByLabel('Status').selectOption('Open and resolved')
      await shown.filter({ hasText: identifier }).waitFor()
      const filters = { received: 'ever', meter: meter.id, code: 'meter_event_invalid_value', status: 'any' }
      expect(Object.fromEntries(query(page))).toEqual(filters)
      await shown.getByRole('link', { name: 'cus_refused' }).click()
      await heading(page, 'Customer cus_refused').waitFor()
      await page.goBack()
      await shown.filter({ hasText: identifier }).waitFor()
      expect(await shown.count()).toBe(1)
      await page.reload()
      await shown.filter({ hasText: identifier }).waitFor()
      expect(await code.inputValue()).toBe(filters.code)
      expect(await page.getByLabel('Meter', { exact: true }).inputValue()).toBe(meter.id)

      await page.getByLabel('Identifier').fill(identifier)
      await page.waitForURL(`**/#/rejections/${encodeURIComponent(identifier)}?*`)
      // There it is as the page has it by itself.
      expect(Object.fromEntries(query(page))).toEqual({ meter: meter.id, code: filters.code })
      expect(await page.getByLabel('Identifier').and(page.locator(':focus')).count()).toBe(1)
      await page.goBack()
      await page.goBack()
      await page.getByLabel('Status').and(page.locator('select:has(option:checked[value=open])')).waitFor()
      expect(await page.getByLabel('Identifier').inputValue()).toBe('')
      await page.getByRole('link', { name: 'Rejections' }).click()
      await page.getByLabel('Received').and(page.locator('select:has(option:checked[value=week])')).waitFor()
      expect(query(page).size).toBe(0)
    })

    it('keeps the blanks around a name', async () => {
      const meter = await createMeter(suite.stripe)
      const customer = ' cus blank '
      await report(suite.stripe, meter, 3, { customer, at, identifier: 'sought' })
      await report(suite.stripe, meter, 4, { customer, at, identifier: 'another' })
      const page = await open(`#/meters/${meter.id}?customer=${encodeURIComponent(customer)}`)
      await figure(page, '7')
      await page.getByRole('button', { name: 'Show', exact: true }).click()
      await page.getByRole('link', { name: 'Events', exact: true }).click()
      await page.locator('.event').nth(1).waitFor()
      // What another field is given takes effect after as long as would have what stands in this one.
      await page.getByLabel('Identifier').fill('sought')
      await page.locator('.event').nth(1).waitFor({ state: 'detached' })
      await page.locator('.event', { hasText: 'sought' }).waitFor()
      expect(Object.fromEntries(query(page))).toMatchObject({ customer, identifier: 'sought' })
    })

    it('is as the page has it by itself where it says what is none', async () => {
      const meter = await createMeter(suite.stripe)
      await report(suite.stripe, meter, '10', { at })
      const page = await open(
        `#/meters/${meter.id}?period=ever&from=x&to=2020-01-01&as_of=then&unit=week&group_by=x&bar=1&y=%ZZ`,
      )
      await figure(page, '10')
      expect(await page.getByLabel('Last 30 days').isChecked()).toBe(true)
      await page.getByText('Now: with all that has been received.').waitFor()
      expect(await page.getByRole('alert').count()).toBe(0)
      await page.evaluate(
        `location.hash = '#/meters/${meter.id}/customers?order=size&period=last-month&from=2020-01-02'`,
      )
      await page.getByLabel('Last month').and(page.locator(':checked')).waitFor()
      const month = new Date()
      month.setUTCDate(1)
      const end = month.toISOString().slice(0, 7)
      month.setUTCMonth(month.getUTCMonth() - 1)
      await page.getByText(`${month.toISOString().slice(0, 7)}-01 00:00 – ${end}-01 00:00 UTC`).waitFor()
      await page.evaluate(`location.hash = '#/meters/${meter.id}/customers?from=${day(at)}&to=${day(at + DAY_MS)}'`)
      await page.getByText('1 customer used 10 in all.').waitFor()
      for (const path of ['customers/cus/b', 'customers/cus/overview', 'rejections/in/b', 'system/x']) {
        await page.evaluate(`location.hash = '#/${path}'`)
        await heading(page, 'There is no such page').waitFor()
        await page.goBack()
        await heading(page, 'There is no such page').waitFor({ state: 'detached' })
      }
    })

    it('gives no number of now under a moment that cannot be had, and takes the seconds of the API', async () => {
      const meter = await createMeter(suite.stripe)
      const customers = Array.from({ length: 11 }, (_, index) => `cus_${meter.id.slice(-4)}_${index + 10}`)
      const before = await disputed(meter, customers)
      const page = await open(`#/meters/${meter.id}?${FROM_TO}&as_of=2999-01-01T00:00:00Z`)
      await page.getByRole('alert').getByText('in the future').first().waitFor()
      expect(await page.getByText('106', { exact: true }).count()).toBe(0)
      await page.evaluate(`location.hash = '#/meters/${meter.id}?${FROM_TO}&as_of=${before / 1000}'`)
      await figure(page, '110')
      // A browser leaves seconds out that are none.
      const field = await page.getByLabel('Exact time (UTC)').inputValue()
      expect(field.slice(0, 16)).toBe(second(before).slice(0, 16))
      expect(await page.getByRole('alert').count()).toBe(0)
    })

    it('leaves the choice of a moment readable on a small screen, in the light and in the dark', async () => {
      const meter = await createMeter(suite.stripe)
      await report(suite.stripe, meter, '10', { at })
      clock.advance(HOUR_MS)
      for (const tab of ['customers', 'events']) {
        const page = await open(`#/meters/${meter.id}/${tab}?as_of=${second(clock.now())}Z`, {
          locale: 'ja-JP',
          viewport: { width: 375, height: 700 },
        })
        await page.getByText('UTC 時点').waitFor()
        await expectReadable(page)
      }
    })
  },
  { clock },
)
