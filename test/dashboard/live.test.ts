/** Pages follow what happens, say when they cannot, and notice when their session has ended. */
import { expect, it } from '@jest/globals'
import type { Page } from 'playwright-core'
import { uniqueName } from '../controls.js'
import { createMeter, report } from '../metered-usage.js'
import { TEST_KEY } from '../running-service.js'
import { describeDashboard, heading } from './dashboard-suite.js'
import { startLine } from './line.js'

describeDashboard('Live updates of the dashboard', (suite) => {
  const live = (page: Page): Promise<void> => page.getByRole('status').filter({ hasText: 'Live updates' }).waitFor()
  const created = async (page: Page): Promise<void> => {
    const display_name = uniqueName('Arrived ')
    await createMeter(suite.stripe, 'sum', { display_name })
    await page.getByRole('rowheader', { name: display_name }).waitFor()
  }

  it('show what others do, without a reload', async () => {
    const page = await suite.signedIn()
    await live(page)
    await created(page)
  })

  it('count events of a meter as they arrive', async () => {
    const meter = await createMeter(suite.stripe)
    const page = await suite.signedIn()
    const row = page.getByRole('row', { name: meter.event_name })
    await row.getByRole('img', { name: '0 events received in 24 hours' }).waitFor()
    for (const count of [1, 2]) {
      await report(suite.stripe, meter, 5)
      const events = count === 1 ? '1 event' : `${count} events`
      await row.getByRole('img', { name: `${events} received in 24 hours, at most ${count} in one` }).waitFor()
      expect(await row.getByRole('cell', { name: String(count), exact: true }).count()).toBe(2)
    }
  })

  it('say that they are interrupted, and go on by themselves with all that happened meanwhile', async () => {
    const line = await startLine(suite.service.port)
    const page = await suite.signedIn(TEST_KEY, {}, '', line.url)
    await live(page)
    line.cut()
    await page.getByRole('status').filter({ hasText: 'Reconnecting…' }).waitFor()
    const display_name = uniqueName('Missed ')
    await createMeter(suite.stripe, 'sum', { display_name })
    line.mend()
    await page.getByRole('rowheader', { name: display_name }).waitFor()
    await live(page)
    await created(page)
    line.close()
  })

  it('lead back to signing in when the key is revoked, though nobody touches the page', async () => {
    const revocable = await suite.service.revocableClient()
    const page = await suite.signedIn(revocable.key)
    await live(page)
    await revocable.revoke()
    await heading(page, 'Sign in').waitFor()
  })

  it('end with the page that is left', async () => {
    const page = await suite.signedIn()
    await live(page)
    await page.getByRole('button', { name: 'Sign out' }).click()
    await heading(page, 'Sign in').waitFor()
    expect(await page.getByRole('status').count()).toBe(0)
  })
})
