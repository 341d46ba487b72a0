/** The API's description as people read it: Swagger UI works under a policy that allows no code or style in the page. */
import { expect, it } from '@jest/globals'
import { TEST_KEY } from '../running-service.js'
import { describeDashboard } from './dashboard-suite.js'

describeDashboard('The page of the API description', (suite) => {
  it('lists the operations, takes a key, and sends one of them', async () => {
    const page = await suite.open()
    await page.goto(`${suite.service.url}/docs`)
    await page.locator('.opblock').first().waitFor()
    expect(await page.locator('.opblock').count()).toBeGreaterThan(40)

    await page.locator('.scheme-container .authorize').click()
    await page.locator('#auth-bearer-value').first().fill(TEST_KEY)
    await page.locator('.modal-ux button.authorize').first().click()
    await page.locator('.modal-ux .btn-done').first().click()

    const operation = page.locator('.opblock-get', { has: page.locator('[data-path="/meterbook/v1/session"]') })
    await operation.locator('.opblock-summary-control').click()
    await operation.locator('.try-out__btn').click()
    await operation.locator('.btn.execute').click()
    const answer = operation.locator('.live-responses-table')
    await answer.waitFor()
    expect(await answer.locator('.response-col_status').last().textContent()).toContain('200')
    expect(await answer.textContent()).toContain('"meterbook.session"')
  })
})
