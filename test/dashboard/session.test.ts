/** The end of a session: it leads to signing in and says so, and nothing else does. */
import { expect, it } from '@jest/globals'
import type { Page } from 'playwright-core'
import { TEST_KEY } from '../running-service.js'
import { seriousIssues } from './browser.js'
import { describeDashboard, heading } from './dashboard-suite.js'

const OVER = 'You were signed out: the session is over or its key was revoked. Sign in again.'

describeDashboard('A session', (suite) => {
  const lose = async (page: Page): Promise<void> => {
    await page.context().clearCookies()
    await page.evaluate("location.hash = '#/system'")
  }
  const isExplained = async (page: Page): Promise<boolean> => {
    await heading(page, 'Sign in').waitFor()
    return page.getByRole('alert').filter({ hasText: OVER }).isVisible()
  }

  it('that is over is said to be, also after a reload, until someone signs in and out', async () => {
    const page = await suite.signedIn()
    await lose(page)
    expect(await isExplained(page)).toBe(true)
    expect(await seriousIssues(page)).toEqual([])
    await page.reload()
    expect(await isExplained(page)).toBe(true)
    await page.getByLabel('API key').fill(TEST_KEY)
    await page.keyboard.press('Enter')
    await heading(page, 'System').waitFor()
    await page.getByRole('button', { name: 'Sign out' }).click()
    expect(await isExplained(page)).toBe(false)
    await page.reload()
    expect(await isExplained(page)).toBe(false)
  })

  it('is not said to be over to whoever comes for the first time', async () => {
    const page = await suite.open()
    expect(await isExplained(page)).toBe(false)
  })

  it('that is over is found to be by what someone does, and is said to be in Japanese', async () => {
    const page = await suite.signedIn(TEST_KEY, { locale: 'ja-JP' }, '#/meters/new')
    await page.getByLabel('メーター名').fill('Lost')
    await page.getByLabel('イベント名').fill('lost')
    await page.context().clearCookies()
    await page.getByRole('button', { name: 'メーターを作成' }).click()
    await heading(page, 'ログイン').waitFor()
    await page.getByRole('alert').getByText('セッションが終了したか、キーが取り消されています。').waitFor()
  })
})
