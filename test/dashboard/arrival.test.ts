/**
 * Coming to a page: the window has its name, and the focus is at its heading or in the field it begins with. And the end of a
 * session: it leads to signing in and says so, and nothing else does.
 */
import { describe, expect, it } from '@jest/globals'
import type { Page } from 'playwright-core'
import { uniqueName } from '../controls.js'
import { createMeter, report } from '../metered-usage.js'
import { TEST_KEY } from '../running-service.js'
import { seriousIssues } from './browser.js'
import { describeDashboard, heading, MALICIOUS } from './dashboard-suite.js'

const OVER = 'You were signed out: the session is over or its key was revoked. Sign in again.'

describeDashboard('Coming and going', (suite) => {
  describe('Who comes to a page', () => {
    async function expectArrival(page: Page, name: string, title: string): Promise<void> {
      const focused = page.locator('h1:focus', { hasText: name })
      await focused.waitFor()
      expect(await focused.textContent()).toBe(name)
      expect(await page.title()).toBe(`${title} – Meterbook`)
    }
    const follow = async (page: Page, link: string): Promise<void> => {
      await page.getByRole('link', { name: link, exact: true }).focus()
      await page.keyboard.press('Enter')
    }

    it('has the focus at the heading, and the window has its name', async () => {
      const meter = await createMeter(suite.stripe, 'sum', { display_name: `Calls ${MALICIOUS}` })
      await report(suite.stripe, meter, 1, { customer: MALICIOUS })
      const page = await suite.open()
      await heading(page, 'Sign in').waitFor()
      expect(await page.title()).toBe('Sign in – Meterbook')
      await page.getByLabel('API key').fill(TEST_KEY)
      await page.keyboard.press('Enter')
      await expectArrival(page, 'Meters', 'Meters')
      await follow(page, meter.display_name)
      await expectArrival(page, `${meter.display_name} Active`, meter.display_name)
      await follow(page, MALICIOUS)
      await expectArrival(page, `Customer ${MALICIOUS}`, MALICIOUS)
      await page.goBack()
      await expectArrival(page, `${meter.display_name} Active`, meter.display_name)
      for (const name of ['Rejections', 'System', 'Meters']) {
        await page.getByRole('navigation').getByRole('link', { name }).focus()
        await page.keyboard.press('Enter')
        await expectArrival(page, name, name)
      }
      await page.evaluate("location.hash = '#/nowhere'")
      await expectArrival(page, 'There is no such page', 'There is no such page')
      await page.evaluate("location.hash = '#/meters/mtr_nothing'")
      await expectArrival(page, 'There is no such meter', 'There is no such meter')
    })

    it('keeps the focus at a tab that was chosen, and does not lose it with a link that is gone', async () => {
      const meter = await createMeter(suite.stripe)
      await report(suite.stripe, meter, 1)
      const page = await suite.signedIn(TEST_KEY, {}, `#/meters/${meter.id}`)
      await expectArrival(page, `${meter.display_name} Active`, meter.display_name)
      await follow(page, 'Integrate')
      await page.getByRole('link', { name: 'See all events' }).waitFor()
      expect(await page.evaluate('document.activeElement.textContent')).toBe('Integrate')
      await follow(page, 'See all events')
      await expectArrival(page, `${meter.display_name} Active`, meter.display_name)
    })

    it('has the focus in the first field of a form, and at the heading of the meter it makes', async () => {
      const name = uniqueName('Made ')
      const page = await suite.signedIn()
      await follow(page, 'Create meter')
      await heading(page, 'Create meter').waitFor()
      expect(await page.title()).toBe('Create meter – Meterbook')
      await page.getByLabel('Meter name').and(page.locator(':focus')).waitFor()
      await page.keyboard.type(name)
      await page.getByLabel('Event name').fill(uniqueName('made_'))
      await page.keyboard.press('Enter')
      await expectArrival(page, `${name} Active`, name)
      await page.getByRole('button', { name: 'Rename' }).click()
      await page.getByRole('dialog').getByLabel('Meter name').fill('Renamed')
      await page.keyboard.press('Enter')
      await heading(page, 'Renamed Active').waitFor()
      expect(await page.title()).toBe('Renamed – Meterbook')
    })

    it('by loading it has the focus where the browser begins, and titles in the language that is spoken', async () => {
      const page = await suite.signedIn(TEST_KEY, { locale: 'ja-JP' }, '#/rejections')
      await page.reload()
      await heading(page, '拒否されたイベント').waitFor()
      expect(await page.evaluate('document.activeElement.tagName')).toBe('BODY')
      expect(await page.title()).toBe('拒否されたイベント – Meterbook')
      await page.getByRole('button', { name: 'English' }).click()
      await heading(page, 'Rejections').waitFor()
      expect(await page.title()).toBe('Rejections – Meterbook')
    })
  })

  describe('A session', () => {
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

    it('is one in all windows: none shows what is of another ledger, or does there what was meant for its own', async () => {
      const name = uniqueName('First ')
      const meter = await createMeter(suite.stripe, 'sum', { display_name: name })
      await report(suite.stripe, meter, '321')
      const key = await suite.service.newKey({ account: 'second', mode: 'live' })
      const others = await createMeter(suite.service.client(key), 'sum', { display_name: uniqueName('Second ') })
      const page = await suite.signedIn(TEST_KEY, {}, `#/meters/${meter.id}`)
      await page.locator('[data-figure=total]').getByText('321', { exact: true }).waitFor()
      const window = await page.context().newPage()
      await window.goto(suite.service.url)
      await window.getByRole('button', { name: 'Sign out' }).click()
      await heading(page, 'Sign in').waitFor()
      await window.getByLabel('API key').fill(key)
      await window.keyboard.press('Enter')
      await page.getByText('Account second', { exact: true }).waitFor()
      await heading(page, 'There is no such meter').waitFor()
      expect(await page.getByText(name).count()).toBe(0)
      await page.getByRole('link', { name: 'Back to meters' }).click()
      await page.getByRole('rowheader', { name: others.display_name }).waitFor()
      expect(await page.getByRole('rowheader').count()).toBe(1)

      // Whoever was signed out without a word, as at the end of a session, signs in somewhere with another key.
      await window.context().clearCookies()
      await window.reload()
      await window.getByLabel('API key').fill(TEST_KEY)
      await window.keyboard.press('Enter')
      await page.getByRole('rowheader', { name }).waitFor()
      await page.getByText('Account default', { exact: true }).waitFor()
      expect(await page.getByText(others.display_name).count()).toBe(0)
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
})
