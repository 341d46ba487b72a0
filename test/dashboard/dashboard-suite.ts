/**
 * What the browser tests of every page share: one service and one browser for the suite, signing in, and the rule that in
 * no page of any test a script failed, the security policy was broken or another host was asked.
 */
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect } from '@jest/globals'
import type { Browser, BrowserContextOptions, Locator, Page, Route } from 'playwright-core'
import type Stripe from 'stripe'
import type { Clock } from '../../src/commands/environment.js'
import { startRunningService, stores, TEST_KEY, type Choices, type RunningService } from '../running-service.js'
import { openPage, startBrowser, type WatchedPage } from './browser.js'

/** What would run if any page took a text for anything else. */
export const MALICIOUS = `<img src=x onerror=alert(1)>"'\`\${alert(2)}`

export interface DashboardSuite {
  /** Of the suite; only while its tests run. */
  readonly service: RunningService
  readonly stripe: Stripe
  open(options?: BrowserContextOptions): Promise<Page>
  /** At the list of meters, or at the path given (`#/system`); at the service itself, or at another address of it. */
  signedIn(key?: string, options?: BrowserContextOptions, path?: string, url?: string): Promise<Page>
  /** That this happened in the page, which else must not; once it is asked for, it is no mishap. */
  expectMishap(page: Page, mishap: RegExp): void
}

export function describeDashboard(
  name: string,
  tests: (suite: DashboardSuite) => void,
  { choices = {}, clock }: { readonly choices?: Choices; readonly clock?: Clock } = {},
): void {
  describe(name, () => {
    let service: RunningService
    let browser: Browser
    let watched: WatchedPage[] = []
    beforeAll(async () => {
      ;[service, browser] = await Promise.all([
        startRunningService(stores[0], clock, undefined, choices),
        startBrowser(),
      ])
    })
    afterAll(async () => {
      await browser.close()
      await service.close()
    })
    beforeEach(() => {
      watched = []
    })
    afterEach(async () => {
      expect(watched.flatMap(({ mishaps }) => mishaps)).toEqual([])
      await Promise.all(watched.map(({ page }) => page.context().close()))
    })

    const openAt = async (url: string, options: BrowserContextOptions): Promise<Page> => {
      const opened = await openPage(browser, url, options)
      watched.push(opened)
      return opened.page
    }
    tests({
      get service() {
        return service
      },
      get stripe() {
        return service.stripe
      },
      expectMishap: (page, mishap) => {
        watched = watched.map((each) => {
          if (each.page !== page) return each
          const others = each.mishaps.filter((text) => !mishap.test(text))
          expect(others.length).toBeLessThan(each.mishaps.length)
          return { page, mishaps: others }
        })
      },
      open: (options = {}) => openAt(`${service.url}/`, options),
      signedIn: async (key = TEST_KEY, options = {}, path = '', url = service.url) => {
        const page = await openAt(`${url}/${path}`, options)
        await page.locator('input[type=password]').fill(key)
        await page.keyboard.press('Enter')
        await page.locator('.bar').waitFor()
        return page
      },
    })
  })
}

export function heading(page: Page, name: string): Locator {
  return page.getByRole('heading', { name, level: 1 })
}

/** Keeps requests back until they are released. */
export async function hold(
  page: Page,
  pattern: string,
): Promise<{ asked: Promise<unknown>; release(): Promise<void> }> {
  const held: Route[] = []
  await page.route(pattern, (route) => void held.push(route))
  const asked = page.waitForRequest(pattern)
  return {
    asked,
    release: async () => {
      await asked
      await page.unroute(pattern)
      // Some may have been given up meanwhile.
      await Promise.all(held.map((route) => route.continue().catch(() => undefined)))
    },
  }
}
