/** What a page does whose code does not come, or fails: it says so, keeps its navigation, and goes on as soon as it can. */
import { expect, it } from '@jest/globals'
import type { Page } from 'playwright-core'
import { uniqueName } from '../controls.js'
import { createMeter, report } from '../metered-usage.js'
import { TEST_KEY } from '../running-service.js'
import { expectReadable } from './browser.js'
import { describeDashboard, heading } from './dashboard-suite.js'
import { startLine } from './line.js'

describeDashboard('A page whose code is missing', (suite) => {
  it('says that the service cannot be reached, and goes on by itself when it is there again', async () => {
    const line = await startLine(suite.service.port)
    const page = await suite.signedIn(TEST_KEY, {}, '', line.url)
    await page.getByRole('status').filter({ hasText: 'Live updates' }).waitFor()
    line.cut()
    await page.getByRole('link', { name: 'System' }).click()
    const notice = page.getByRole('alert').filter({ hasText: 'This part of the page could not be loaded' })
    await notice.getByText('The service could not be reached.').waitFor()
    await notice.getByRole('button', { name: 'Try again' }).click()
    await page.getByRole('link', { name: 'Meters' }).click()
    await heading(page, 'Meters').waitFor()
    await page.getByRole('link', { name: 'Rejections' }).click()
    await notice.waitFor()
    await suite.service.restart()
    line.mend(suite.service.port)
    await heading(page, 'Rejections').waitFor()
    await notice.waitFor({ state: 'detached' })
    await page.getByRole('status').filter({ hasText: 'Live updates' }).waitFor()
    await page.getByRole('link', { name: 'Meters' }).click()
    const display_name = uniqueName('Arrived ')
    await createMeter(suite.stripe, 'sum', { display_name })
    await page.getByRole('rowheader', { name: display_name }).waitFor()
    line.close()
  })

  it('asks again where the service answers but does not send it', async () => {
    const page = await suite.signedIn()
    await page.route('**/assets/**', (route) => route.fulfill({ status: 404, json: { error: {} } }))
    await page.getByRole('link', { name: 'System' }).click()
    const notice = page.getByRole('alert').filter({ hasText: 'The service answers, but did not send it.' })
    await notice.getByRole('button', { name: 'Reload the page' }).waitFor()
    await page.unroute('**/assets/**')
    await heading(page, 'System').waitFor()
    expect(await notice.count()).toBe(0)
  })

  it('offers to reload where the service has become another version', async () => {
    const meter = await createMeter(suite.stripe)
    const page = await suite.signedIn(TEST_KEY, { locale: 'ja-JP', viewport: { width: 375, height: 700 } })
    const files = await page.content()
    // Until the page is reloaded: it looks after the code by itself, and finds none before it is told to.
    let isReloaded = false
    await page.route('**/assets/**', (route) =>
      isReloaded ? route.continue() : route.fulfill({ status: 404, json: { error: {} } }),
    )
    await page.route('**/', (route) => {
      isReloaded ||= route.request().isNavigationRequest()
      if (isReloaded) return route.continue()
      const body = files.replaceAll('/assets/', '/assets/of-next-version-')
      return route.fulfill({ contentType: 'text/html', body })
    })
    await page.evaluate(`location.hash = '#/meters/${meter.id}/events'`)
    const notice = page.getByRole('alert').filter({ hasText: 'サービスが更新されました' })
    await notice.waitFor()
    await expectReadable(page)
    expect(isReloaded).toBe(false)
    await notice.getByRole('button', { name: 'ページを再読み込み' }).click()
    await heading(page, meter.display_name).waitFor()
  })

  it('is reloaded by itself where the browser does not ask again for what failed once', async () => {
    const line = await startLine(suite.service.port)
    const meter = await createMeter(suite.stripe)
    await report(suite.stripe, meter, '1')
    const page = await suite.signedIn(TEST_KEY, {}, `#/meters/${meter.id}`, line.url)
    await heading(page, meter.display_name).waitFor()
    const browser = await remembering(page, 'events-tab')
    line.cut()
    await page.getByRole('link', { name: 'Events' }).click()
    const notice = page.getByRole('alert').filter({ hasText: 'This part of the page could not be loaded' })
    await notice.getByText('The service could not be reached.').waitFor()
    await page.getByRole('button', { name: 'Rename' }).click()
    const name = page.getByRole('dialog').getByRole('textbox')
    await name.fill('Not yet saved')
    line.mend()
    await page.getByText('what was typed here and not saved is lost then').waitFor()
    expect(await name.inputValue()).toBe('Not yet saved')
    expect(browser.loads()).toBe(0)
    await page.keyboard.press('Escape')
    await page.getByRole('group', { name: 'Filters' }).waitFor()
    expect(browser.loads()).toBe(1)
    expect(await notice.count()).toBe(0)
    expect(page.url()).toBe(`${line.url}/#/meters/${meter.id}/events`)
    line.close()
  })

  it('is reloaded by itself but once', async () => {
    const page = await suite.signedIn(TEST_KEY, { locale: 'ja-JP' })
    const browser = await remembering(page, 'system-page', 2)
    await page.evaluate("location.hash = '#/system'")
    const notice = page.getByRole('alert').filter({ hasText: 'ブラウザーが再び読み込めませんでした' })
    await notice.getByRole('button', { name: 'ページを再読み込み' }).waitFor()
    for (const look of ['first', 'second']) {
      const asked = await page.waitForRequest((request) => request.resourceType() === 'fetch' && isFile(request.url()))
      expect([look, (await asked.response())?.status()]).toEqual([look, 200])
    }
    await notice.waitFor()
    expect(browser.loads()).toBe(1)
    await notice.getByRole('button', { name: 'ページを再読み込み' }).click()
    await heading(page, 'システム').waitFor()
  })

  it('says that it failed, and is tried again there or left, where an answer is none it can show', async () => {
    const page = await suite.signedIn()
    await heading(page, 'Meters').waitFor()
    await page.route('**/meterbook/v1/system', (route) => route.fulfill({ json: {} }))
    await page.getByRole('link', { name: 'System' }).click()
    const notice = page.getByRole('alert').filter({ hasText: 'This page could not be shown' })
    await notice.getByText('TypeError').waitFor()
    suite.expectMishap(page, /TypeError/)
    await page.getByRole('link', { name: 'Meters' }).click()
    await heading(page, 'Meters').waitFor()
    expect(await notice.count()).toBe(0)
    await page.unrouteAll()
    await page.getByRole('link', { name: 'System' }).click()
    await heading(page, 'System').waitFor()
  })
})

/**
 * As Firefox does: a file of code that failed once does not come again, whoever else may have it, until the page is reloaded,
 * so many times.
 */
async function remembering(page: Page, file: string, reloads = 1): Promise<{ loads(): number }> {
  let loads = 0
  page.on('domcontentloaded', () => (loads += 1))
  await page.route(`**/assets/${file}-*.js`, (route) => {
    const isCode = route.request().resourceType() !== 'fetch'
    return isCode && loads < reloads ? route.abort() : route.continue()
  })
  return { loads: () => loads }
}

function isFile(url: string): boolean {
  return new URL(url).pathname.startsWith('/assets/')
}
