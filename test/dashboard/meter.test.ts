/** The page of a meter: its head, its tabs, and what may be changed. */
import { expect, it } from '@jest/globals'
import type { Route } from 'playwright-core'
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
    await page.getByRole('navigation').getByRole('link', { name: 'Meters' }).click()
    await heading(page, 'Meters').waitFor()
  })

  it('of a meter that is not there leads back to the list', async () => {
    const page = await suite.signedIn(TEST_KEY, {}, '#/meters/mtr_nothing/history')
    await heading(page, 'There is no such meter').waitFor()
    await page.getByRole('link', { name: 'Back to meters' }).click()
    await heading(page, 'Meters').waitFor()
  })

  it('renames, deactivates and reactivates it, by keyboard alone', async () => {
    const meter = await createMeter(suite.stripe, 'sum', { display_name: 'Before' })
    const page = await suite.signedIn(TEST_KEY, {}, `#/meters/${meter.id}/history`)
    const status = async (): Promise<string> => (await suite.stripe.billing.meters.retrieve(meter.id)).status
    await page.getByRole('button', { name: 'Rename' }).focus()
    await page.keyboard.press('Enter')
    const dialog = page.getByRole('dialog')
    await dialog.getByLabel('Meter name').waitFor()
    expect(await seriousIssues(page)).toEqual([])
    await page.keyboard.press('ControlOrMeta+a')
    await page.keyboard.press('Delete')
    await page.keyboard.press('Enter')
    await dialog.getByRole('alert').getByText('This must not be empty.').waitFor()
    await page.keyboard.type(MALICIOUS)
    await page.keyboard.press('Enter')
    await heading(page, `${MALICIOUS} Active`).waitFor()
    await page.getByRole('cell', { name: `renamed it from “Before” to “${MALICIOUS}”.` }).waitFor()
    await dialog.waitFor({ state: 'detached' })

    await page.getByRole('button', { name: 'Deactivate' }).focus()
    await page.keyboard.press('Enter')
    await dialog.getByText(`New events named ${meter.event_name} are refused`).waitFor()
    expect(await seriousIssues(page)).toEqual([])
    await page.keyboard.press('Escape')
    await dialog.waitFor({ state: 'detached' })
    expect(await status()).toBe('active')
    // The focus is where it was.
    await page.keyboard.press('Enter')
    await dialog.getByRole('button', { name: 'Deactivate' }).focus()
    await page.keyboard.press('Enter')
    await heading(page, `${MALICIOUS} Inactive`).waitFor()
    expect(await status()).toBe('inactive')

    const holder = await createMeter(suite.stripe, 'sum', { event_name: meter.event_name })
    await page.getByRole('button', { name: 'Reactivate' }).click()
    await dialog.getByRole('button', { name: 'Reactivate' }).click()
    await dialog.getByRole('alert').getByText('An active meter already exists').waitFor()
    expect(await status()).toBe('inactive')
    await suite.stripe.billing.meters.deactivate(holder.id)
    await dialog.getByRole('button', { name: 'Reactivate' }).click()
    await heading(page, `${MALICIOUS} Active`).waitFor()
    await page.getByRole('cell', { name: 'reactivated it' }).waitFor()
    expect(await status()).toBe('active')
  })

  it('says what went wrong also to whoever closed the dialog too soon', async () => {
    const meter = await createMeter(suite.stripe, 'sum', { display_name: 'Kept' })
    const page = await suite.signedIn(TEST_KEY, {}, `#/meters/${meter.id}/history`)
    const dialog = page.getByRole('dialog')
    let take: (attempt: Route) => void = () => undefined
    await page.route(`**/v1/billing/meters/${meter.id}`, (route) =>
      route.request().method() === 'POST' ? take(route) : route.continue(),
    )
    const renamed = async (name: string): Promise<Route> => {
      const asked = new Promise<Route>((resolve) => (take = resolve))
      await dialog.getByLabel('Meter name').fill(name)
      await page.keyboard.press('Enter')
      const attempt = await asked
      await page.keyboard.press('Escape')
      await dialog.waitFor({ state: 'detached' })
      return attempt
    }
    await page.getByRole('button', { name: 'Rename' }).click()
    await (await renamed('Lost')).abort()
    await dialog.getByRole('alert').getByText('The service could not be reached.').waitFor()
    expect(await dialog.getByLabel('Meter name').inputValue()).toBe('Lost')

    const attempt = await renamed('Changed')
    await page.getByRole('button', { name: 'Rename' }).click()
    expect(await dialog.getByLabel('Meter name').inputValue()).toBe('Changed')
    await attempt.continue()
    await heading(page, 'Changed Active').waitFor()
    await dialog.waitFor({ state: 'detached' })
  })

  it('offers a read key nothing to change', async () => {
    const meter = await createMeter(suite.stripe)
    const page = await suite.signedIn(await suite.service.newKey({ role: 'read' }), {}, `#/meters/${meter.id}/history`)
    await page.getByRole('table').waitFor()
    expect(await page.locator('.content').getByRole('button').count()).toBe(0)
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
