/** The page of a meter: its head, its tabs, and what may be changed. */
import { expect, it } from '@jest/globals'
import { uniqueName } from '../controls.js'
import { createMeter } from '../metered-usage.js'
import { TEST_KEY } from '../running-service.js'
import { overflow, seriousIssues } from './browser.js'
import { describeDashboard, heading, MALICIOUS } from './dashboard-suite.js'

describeDashboard('The page of a meter', (suite) => {
  it('is reached from the list, says what the meter is, and shows every name as text', async () => {
    const event_name = `${MALICIOUS} ${uniqueName('')}`
    await createMeter(suite.stripe, 'last', {
      display_name: `${MALICIOUS} name`,
      event_name,
      event_time_window: 'hour',
      dimension_payload_keys: [MALICIOUS, 'region'],
    })
    const page = await suite.signedIn()
    await page.getByRole('link', { name: `${MALICIOUS} name` }).click()
    await heading(page, `${MALICIOUS} name Active`).waitFor()
    const facts = page.locator('.facts')
    for (const text of [event_name, 'Last', 'Hourly', 'region']) {
      await facts.getByText(text, { exact: true }).waitFor()
    }
    expect(await facts.getByText(MALICIOUS, { exact: true }).count()).toBe(1)
    await page.getByRole('link', { name: 'History' }).click()
    await page.getByRole('cell', { name: `created it as “${MALICIOUS} name”.` }).waitFor()
    expect(await page.getByRole('link', { name: 'History' }).getAttribute('aria-current')).toBe('page')
    expect(await seriousIssues(page)).toEqual([])
    await page.getByRole('link', { name: 'Meters', exact: true }).click()
    await heading(page, 'Meters').waitFor()
  })

  it('of a meter that is not there leads back to the list', async () => {
    const page = await suite.signedIn(TEST_KEY, {}, '#/meters/mtr_nothing/history')
    await heading(page, 'There is no such meter').waitFor()
    await page.getByRole('link', { name: 'Back to meters' }).click()
    await heading(page, 'Meters').waitFor()
  })

  it('fits a small screen', async () => {
    const meter = await createMeter(suite.stripe, 'sum', { display_name: 'X'.repeat(250) })
    const page = await suite.signedIn(
      TEST_KEY,
      { locale: 'ja-JP', viewport: { width: 375, height: 700 } },
      `#/meters/${meter.id}/history`,
    )
    await page.getByRole('table').waitFor()
    expect(await overflow(page)).toBe(0)
    expect(await seriousIssues(page)).toEqual([])
  })
})
