/** A number is in one line wherever it stands in a table or a figure, however long it and the names beside it are. */
import { beforeAll, expect, it } from '@jest/globals'
import type { Page } from 'playwright-core'
import { createMeter, report, type Meter } from '../metered-usage.js'
import { TEST_KEY } from '../running-service.js'
import { overflow, seriousIssues } from './browser.js'
import { describeDashboard } from './dashboard-suite.js'

const LONG = '-999999999999999.5'
const LONGEST = '999999999999999.000000000000001'
const NAME = 'X'.repeat(255)
const [WIDEST, HEIGHT] = [1280, 800]

/** Texts that are numbers and take more than one line, or are cut off within their own cell. */
const BROKEN = `[...document.querySelectorAll('.number, .figures dd')]
  .filter(({ textContent }) => /^-?[\\d.,]+$/.test(textContent))
  .filter((cell) => {
    const text = document.createRange()
    text.selectNodeContents(cell)
    const lines = new Set([...text.getClientRects()].map(({ top }) => Math.round(top)))
    return lines.size > 1 || cell.scrollWidth > cell.clientWidth
  })
  .map(({ textContent }) => textContent)`

/** Times that have less room than they take where nothing holds them, with how many pixels are missing. */
const CUT_OFF = `[...document.querySelectorAll('input[type=datetime-local]')].flatMap((field) => {
  const free = field.cloneNode()
  free.value = field.value
  free.style.cssText = 'position: absolute; visibility: hidden; width: max-content; max-width: none'
  document.body.append(free)
  const missing = free.offsetWidth - field.offsetWidth
  free.remove()
  return missing > 0 ? [[field.value, missing]] : []
})`

describeDashboard('A long number', (suite) => {
  const open = async (path: string, width: number, locale: string): Promise<Page> =>
    suite.signedIn(TEST_KEY, { locale, viewport: { width, height: HEIGHT } }, path)

  let meter: Meter
  beforeAll(async () => {
    meter = await createMeter(suite.stripe, 'sum', { dimension_payload_keys: ['region'] })
    const [tokyo, eu] = [{ payload: { region: 'tokyo' } }, { payload: { region: 'eu' } }]
    await report(suite.stripe, meter, '-999999999999999', { customer: 'cus_long', ...tokyo })
    await report(suite.stripe, meter, '-0.5', { customer: 'cus_long', ...eu })
    for (const value of ['999999999999999', '0.000000000000001']) {
      await report(suite.stripe, meter, value, { customer: NAME, ...eu })
    }
  })

  it.each([
    ['ja-JP', 375, 1280],
    ['en-GB', 375, 1100],
  ])('is never broken, in %s on %s and on %s pixels', async (locale, narrow, wide) => {
    const page = await open('', WIDEST, locale)
    for (const width of [narrow, wide]) {
      await page.setViewportSize({ width, height: HEIGHT })
      for (const [path, part, number] of [
        [`#/meters/${meter.id}`, '[data-figure=total]', LONGEST],
        [`#/meters/${meter.id}/customers`, '.customers-choices', LONGEST],
        [`#/customers/${NAME}`, '.statement', LONGEST],
        ['#/customers/cus_long', '.statement', LONG],
      ] as const) {
        await page.evaluate(`location.hash = ${JSON.stringify(path)}`)
        await page.locator(part).first().waitFor()
        await page.locator('.number', { hasText: number }).first().waitFor()
        expect(await page.evaluate(BROKEN)).toEqual([])
        expect(await overflow(page)).toBe(0)
      }
    }
  })

  it.each([['en-GB'], ['ja-JP']])('is in sight in a statement on a telephone, in %s', async (locale) => {
    const page = await open('#/customers/cus_long', 375, locale)
    const total = page.locator(`[data-total-of=${meter.id}]`)
    await total.waitFor()
    const cells = page.locator('.statement .number', { hasText: /\d/ })
    expect(await cells.count()).toBeGreaterThan(4)
    for (const cell of await cells.all()) {
      const { x = 0, width = 0 } = (await cell.boundingBox()) ?? {}
      expect(x).toBeGreaterThanOrEqual(0)
      expect(x + width).toBeLessThanOrEqual(375)
    }
    expect(await page.getByRole('row').filter({ has: total }).count()).toBe(1)
    expect(await seriousIssues(page)).toEqual([])
  })

  it.each([
    ['en-US', 360],
    ['en-US', 1280],
    ['ja-JP', 360],
    ['ja-JP', 1280],
  ])('is in sight with its last digit where it is a time, in %s on %s pixels', async (locale, width) => {
    const page = await open('', width, locale)
    const now = new Date().toISOString().slice(0, 19)
    const asOf = `as_of=${now}Z`
    for (const [path, fields] of [
      [`#/meters/${meter.id}?from=2026-11-10T10:10Z&to=2026-12-10T10:10Z&${asOf}`, 3],
      [`#/meters/${meter.id}/customers?${asOf}`, 1],
      [`#/meters/${meter.id}/events?received_from=2026-11-10T10:10:10Z&received_to=${now}Z&${asOf}`, 3],
      [`#/customers/cus_long?${asOf}`, 1],
      ['#/system', 2],
    ] as const) {
      await page.evaluate(`location.hash = ${JSON.stringify(path)}`)
      const times = page.locator('input[type=datetime-local]')
      await times.nth(fields - 1).waitFor()
      await times.nth(fields).waitFor({ state: 'detached' })
      expect([path, await page.evaluate(CUT_OFF), await overflow(page)]).toEqual([path, [], 0])
    }
  })
})
