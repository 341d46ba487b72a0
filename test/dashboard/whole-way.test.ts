/** The way of someone who has read nothing: from no meter at all to a total that they can explain, and on. */
import { expect, it } from '@jest/globals'
import { execFile } from 'node:child_process'
import { promisify } from 'node:util'
import type { Page } from 'playwright-core'
import { TEST_KEY } from '../running-service.js'
import { seriousIssues } from './browser.js'
import { describeDashboard, heading } from './dashboard-suite.js'

const run = promisify(execFile)

describeDashboard('The dashboard, the whole way', (suite) => {
  async function sendBySnippet(page: Page): Promise<string> {
    const snippet = await page.getByRole('region', { name: '2. Send an event', exact: true }).textContent()
    const env = { ...process.env, STRIPE_API_KEY: TEST_KEY }
    return (await run('sh', ['-eu', '-c', snippet ?? ''], { env })).stdout
  }
  const total = (page: Page, text: string): Promise<void> =>
    page.locator('[data-figure=total]', { hasText: new RegExp(`^${text}$`) }).waitFor()
  const tab = (page: Page, name: string) => page.getByRole('link', { name, exact: true })

  it('creates a meter, sends events, sees them arrive, cancels one, and explains the total', async () => {
    const page = await suite.signedIn()
    await page.getByRole('heading', { name: 'No meters yet' }).waitFor()
    await page.getByRole('link', { name: 'Create meter' }).first().click()
    await page.getByLabel('Meter name').fill('Alpaca AI')
    await page.getByLabel('Event name').fill('alpaca_ai_tokens')
    await page.getByText('Advanced settings').click()
    await page.getByLabel('Value key').fill('tokens')
    await page.getByLabel('Dimensions').fill('model, token_type')
    await page.locator('[data-total-of=cus_alpaca]', { hasText: /^350$/ }).waitFor()
    await page.getByRole('button', { name: 'Create meter' }).click()

    await heading(page, 'Alpaca AI Active').waitFor()
    await page.getByText('No event has arrived yet.').waitFor()
    expect(await sendBySnippet(page)).toContain('billing.meter_event')
    await page.getByText('of cus_alpaca, 25.').waitFor()
    await page.getByLabel('Value', { exact: true }).fill('4.5')
    await page.getByLabel('token_type').fill('output')
    await sendBySnippet(page)
    await page.getByText('of cus_alpaca, 4.5.').waitFor()
    const second = suite.signedIn(TEST_KEY, {}, await page.evaluate<string>('location.hash.replace("/integrate", "")'))
    const overview = await second
    await total(overview, '29.5')

    await page.getByRole('link', { name: 'See all events' }).click()
    await page.getByText('It adds 4.5 to the usage of cus_alpaca').waitFor()
    const wrong = page.locator('.event', { hasText: 'token_type: example' })
    await wrong.getByRole('button').click()
    await page.getByRole('dialog').getByText('25 is taken out').waitFor()
    await page.getByRole('button', { name: 'Cancel the event' }).click()
    await wrong.getByText('It was cancelled at').waitFor()
    // In the other window, without a reload.
    await total(overview, '4.5')
    await tab(page, 'Overview').click()
    await page.getByLabel('This month').check()
    await total(page, '4.5')
    expect(await seriousIssues(page)).toEqual([])

    await page.getByRole('button', { name: 'Rename' }).click()
    await page.getByRole('dialog').getByLabel('Meter name').fill('Alpaca AI tokens')
    await page.keyboard.press('Enter')
    await heading(overview, 'Alpaca AI tokens Active').waitFor()
    await page.getByRole('button', { name: 'Deactivate' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Deactivate' }).click()
    await heading(page, 'Alpaca AI tokens Inactive').waitFor()
    await tab(page, 'Integrate').click()
    await page.getByText('This meter is inactive').waitFor()
    expect(await sendBySnippet(page)).toContain('"error"')
    await page.getByRole('button', { name: 'Reactivate' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Reactivate' }).click()
    await heading(page, 'Alpaca AI tokens Active').waitFor()
    await sendBySnippet(page)
    await total(overview, '29.5')
  })
})
