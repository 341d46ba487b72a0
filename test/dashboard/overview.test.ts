/** The overview of a meter: what it came to, what was known earlier, and why each bar is what it is. */
import { expect, it } from '@jest/globals'
import Big from 'big.js'
import type { Page } from 'playwright-core'
import { DAY_MS, HOUR_MS } from '../../src/domain/time-bucket.js'
import { cancel, createMeter, report, total, type Meter } from '../metered-usage.js'
import { FixedClock, TEST_KEY } from '../running-service.js'
import { expectReadable, seriousIssues } from './browser.js'
import { describeDashboard, hold, MALICIOUS } from './dashboard-suite.js'

const TODAY = Math.floor(Date.now() / DAY_MS) * DAY_MS
const YESTERDAY = new Date(TODAY - DAY_MS).toISOString().slice(0, 10)
const at = TODAY - DAY_MS / 2
const clock = new FixedClock(Date.now() - 3 * HOUR_MS)

describeDashboard(
  'The overview of a meter',
  (suite) => {
    const figure = (page: Page, text: string): Promise<void> =>
      page.locator('[data-figure=total]', { hasText: new RegExp(`^${text.replaceAll('.', '\\.')}$`) }).waitFor()
    const focused = (page: Page, title: string): Promise<void> =>
      page.getByRole('heading', { name: title }).and(page.locator(':focus')).waitFor()
    const open = (meter: Meter, options = {}): Promise<Page> =>
      suite.signedIn(TEST_KEY, options, `#/meters/${meter.id}`)

    it('follows usage, and tells what was known at an earlier moment', async () => {
      const meter = await createMeter(suite.stripe)
      await report(suite.stripe, meter, '10.5', { at })
      clock.advance(HOUR_MS)
      await report(suite.stripe, meter, '-4', { at, identifier: 'credit' })
      await report(suite.stripe, meter, '1', { at, identifier: 'wrong' })
      clock.advance(HOUR_MS)
      const page = await open(meter)
      await figure(page, '7.5')
      await page.getByText('Now: with all that has been received.').waitFor()
      await cancel(suite.stripe, meter, 'wrong')
      await figure(page, '6.5')
      const slider = page.getByRole('slider', { name: 'Move to an earlier moment' })
      await slider.focus()
      const held = await hold(page, '**/usage?**')
      await page.keyboard.press('Home')
      await page.getByText(/^As known at .* UTC/).waitFor()
      await page.locator('[data-figure=total]').waitFor({ state: 'hidden' })
      await held.release()
      await figure(page, '10.5')
      expect(await seriousIssues(page)).toEqual([])
      await page.getByRole('button', { name: 'Back to now' }).click()
      await figure(page, '6.5')
      await page.getByRole('cell', { name: '6.5' }).first().waitFor()
    })

    it('explains a bar by keyboard alone, from its customers to events that add up to it', async () => {
      const meter = await createMeter(suite.stripe, 'sum', { dimension_payload_keys: ['region'] })
      const of = (region: string) => ({ at, payload: { region } })
      for (let n = 1; n <= 60; n++) {
        await report(suite.stripe, meter, `0.${n}`, { customer: 'cus_many', identifier: `many-${n}`, ...of('eu') })
      }
      await report(suite.stripe, meter, '7', { customer: MALICIOUS, identifier: MALICIOUS, ...of(MALICIOUS) })
      await report(suite.stripe, meter, '2', { customer: 'cus_many', identifier: 'wrong', ...of('eu') })
      await cancel(suite.stripe, meter, 'wrong')
      const sum = await total(suite.stripe, meter, { customer: 'cus_many', start: at - DAY_MS / 2, end: TODAY })
      const all = new Big(sum).plus(7).toFixed()
      const page = await open(meter)
      await figure(page, all)
      const chart = page.getByRole('slider', { name: /^Bars of usage/ })
      await chart.focus()
      expect(await chart.getAttribute('aria-valuetext')).toBe(`${YESTERDAY}: ${all}`)
      await page.keyboard.press('ArrowLeft')
      expect(await chart.getAttribute('aria-valuetext')).toMatch(/: 0$/)
      await page.keyboard.press('ArrowRight')
      await page.keyboard.press('Enter')
      await page.getByRole('heading', { name: `${YESTERDAY}: ${all}` }).waitFor()
      await page.getByRole('button', { name: `Explain ${MALICIOUS}`, exact: true }).waitFor()
      const explain = page.getByRole('button', { name: 'Explain cus_many' })
      await explain.focus()
      await page.keyboard.press('Enter')
      await page.getByText(`The total is ${sum}.`).waitFor()
      await focused(page, `${YESTERDAY}: ${all}`)
      await page.getByRole('button', { name: 'Show more events' }).click()
      await page.getByText(`These events add up to ${sum}.`).waitFor()
      const list = page.getByRole('region', { name: 'Every event of cus_many' })
      const given = await list.locator('tbody tr td:nth-child(4)').allTextContents()
      expect(given).toHaveLength(61)
      expect(given.reduce((shown, text) => shown.plus(text), new Big(0)).toFixed()).toBe(sum)
      await list.getByText('Cancelled').waitFor()
      expect(await seriousIssues(page)).toEqual([])

      await page.getByLabel('Group by').selectOption('region')
      await page.locator('.chart-legend').getByText(MALICIOUS, { exact: true }).waitFor()
      await page.getByText('The chart as a table').click()
      await page.getByRole('row', { name: `${YESTERDAY} ${all} ${sum} 7` }).waitFor()
      await page.getByLabel('Group', { exact: true }).selectOption({ label: `${MALICIOUS}: 7` })
      await page.getByRole('button', { name: 'Back to the customers' }).click()
      await page.getByRole('button', { name: `Explain ${MALICIOUS}`, exact: true }).click()
      await page.getByText('These events add up to 7.').waitFor()
      expect(await seriousIssues(page)).toEqual([])
      await page.getByRole('button', { name: 'Back to the customers' }).focus()
      await page.keyboard.press('Enter')
      await page.getByRole('button', { name: `Explain ${MALICIOUS}`, exact: true }).waitFor()
      await focused(page, `${YESTERDAY}: 7`)
      await page.keyboard.press('Escape')
      await page.locator('.bar-explanation').waitFor({ state: 'detached' })
      await chart.and(page.locator(':focus')).waitFor()
      const inTable = page.getByRole('button', { name: `Explain ${YESTERDAY}` })
      await inTable.click()
      await page.getByRole('button', { name: 'Close' }).press('Enter')
      await inTable.and(page.locator(':focus')).waitFor()
    })

    it('shows one customer of those with the most, and the period one asks for', async () => {
      const meter = await createMeter(suite.stripe)
      await report(suite.stripe, meter, '1', { customer: 'cus_low', at })
      await report(suite.stripe, meter, '20', { customer: MALICIOUS, at })
      await report(suite.stripe, meter, '300', { customer: MALICIOUS, at: at - 20 * DAY_MS })
      const page = await open(meter)
      await figure(page, '321')
      const top = page.getByRole('region', { name: 'Top customers' }).getByRole('rowheader')
      await top.nth(1).waitFor()
      expect(await top.allTextContents()).toEqual([MALICIOUS, 'cus_low'])
      await page.getByRole('button', { name: `Only this one: ${MALICIOUS}` }).click()
      await figure(page, '320')
      await page.locator('.recharts-bar-rectangle path').first().click()
      await page.getByRole('heading', { name: /^[\d-]+: 300$/ }).waitFor()
      await page.getByText('These events add up to 300.').waitFor()
      await page.getByLabel('From – to').check()
      await page.getByLabel('From (UTC)').fill(`${YESTERDAY}T00:00`)
      await figure(page, '20')
      await page.getByLabel('One bar for each').selectOption('hour')
      await page.getByText('The chart as a table').click()
      await page.getByRole('button', { name: `Explain ${YESTERDAY} 12:00` }).click()
      await page.getByText('These events add up to 20.').waitFor()
      await page.getByLabel('To (UTC, exclusive)').fill('2020-01-01T00:00')
      await page.getByText('Choose two times, the second after the first.').waitFor()
      await page.getByLabel('All time').check()
      await figure(page, '320')
      await page.getByLabel('Today').check()
      await page.getByRole('heading', { name: 'No usage in this period' }).waitFor()
    })

    it('writes as many digits on its axis as the bars need', async () => {
      const meter = await createMeter(suite.stripe)
      await report(suite.stripe, meter, '0.00000000002', { at })
      const page = await open(meter)
      await figure(page, '0.00000000002')
      await page.locator('.chart').getByText('2E-11', { exact: true }).waitFor()
      await page.locator('.chart').getByText('1E-11', { exact: true }).waitFor()
    })

    it('fits a small screen and can be read, in the light and in the dark', async () => {
      const meter = await createMeter(suite.stripe, 'last', { dimension_payload_keys: ['region'] })
      await report(suite.stripe, meter, '123456789.123456', {
        customer: 'X'.repeat(255),
        at,
        payload: { region: 'Y'.repeat(100) },
      })
      const page = await open(meter, { locale: 'ja-JP', viewport: { width: 375, height: 700 } })
      await figure(page, '123456789.123456')
      await page.getByLabel('グループ化').selectOption('region')
      await page.locator('.recharts-bar-rectangle path').first().waitFor()
      await page.locator('.chart-legend').waitFor()
      await page.getByText('グラフを表で見る').click()
      await page.getByRole('button', { name: `内訳を見る: ${YESTERDAY}` }).click()
      await page.getByText('この棒は、次の顧客の合計です。').waitFor()
      await expectReadable(page)
    })
  },
  { clock },
)
