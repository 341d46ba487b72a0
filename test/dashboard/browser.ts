/**
 * A real Chromium for the dashboard's tests: Debian's, or the one that CHROMIUM names, without a profile and without a connection
 * of its own. Where there is none the tests fail and say what to do.
 */
import { expect } from '@jest/globals'
import { existsSync, readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { chromium, type Browser, type BrowserContextOptions, type Page } from 'playwright-core'

const EXECUTABLE = process.env.CHROMIUM ?? '/usr/bin/chromium'
/** Only ever ends a step that hangs. */
const STEP_TIMEOUT_MS = 15_000

if (!existsSync(EXECUTABLE)) {
  throw new Error(
    `There is no ${EXECUTABLE}, which the dashboard's tests drive. Install it (apt-get install chromium), name another one in CHROMIUM, or run the other tests: npm run jest -- --testPathIgnorePatterns test/dashboard`,
  )
}

/**
 * What Chromium does without here. The pop-ups of its address bar are pages of their own and come with every window: they took as
 * much time as the dashboard did. The others are those that playwright-core turns off; the last list given is the one that counts.
 */
const FEATURES_OFF = [
  ...['WebUIOmniboxPopup', 'WebUIOmniboxAimPopup', 'SpareRendererForSitePerProcess'],
  ...['AvoidUnnecessaryBeforeUnloadCheckSync', 'DestroyProfileOnBrowserClose', 'PaintHolding', 'LensOverlay'],
  ...['HttpsUpgrades', 'HttpsFirstBalancedModeAutoEnable', 'AvoidCorsURLLoaderRestartOnRedirect', 'MediaRouter'],
  ...[
    'ThirdPartyStoragePartitioning',
    'OptimizationHints',
    'NetworkTimeServiceQuerying',
    'AimEnabled',
    'PreconnectToSearch',
  ],
]

export function startBrowser(): Promise<Browser> {
  return chromium.launch({
    executablePath: EXECUTABLE,
    args: [
      '--no-sandbox',
      '--disable-gpu',
      '--disable-quic',
      '--no-first-run',
      '--disable-background-networking',
      '--disable-component-update',
      '--disable-sync',
      `--disable-features=${FEATURES_OFF.join(',')}`,
    ],
  })
}

export interface WatchedPage {
  readonly page: Page
  /** What must never happen: scripts that fail, breaches of the security policy, requests to other hosts. */
  readonly mishaps: readonly string[]
}

export async function openPage(
  browser: Browser,
  url: string,
  options: BrowserContextOptions = {},
): Promise<WatchedPage> {
  const context = await browser.newContext({ locale: 'en-GB', viewport: { width: 1280, height: 900 }, ...options })
  context.setDefaultTimeout(STEP_TIMEOUT_MS)
  const page = await context.newPage()
  const mishaps: string[] = []
  page.on('pageerror', (error) => mishaps.push(String(error)))
  page.on('dialog', (dialog) => mishaps.push(`dialog: ${dialog.message()}`))
  page.on('console', (message) => {
    // The browser itself reports every refused request; those are what some tests are about.
    if (message.type() === 'error' && !/^Failed to load resource/.test(message.text())) mishaps.push(message.text())
  })
  page.on('request', (request) => {
    if (new URL(request.url()).origin !== new URL(url).origin) mishaps.push(`asked ${request.url()}`)
  })
  await page.addInitScript(
    "addEventListener('securitypolicyviolation', (e) => console.error('policy: ' + e.violatedDirective + ' ' + e.sourceFile))",
  )
  await page.goto(url)
  return { page, mishaps }
}

const axeSource = readFileSync(createRequire(import.meta.url).resolve('axe-core/axe.min.js'), 'utf8')

/** What axe finds that keeps people from using the page, with the elements; WCAG 2.2 AA and its best practices. */
export async function seriousIssues(page: Page): Promise<string[]> {
  // Run by the debugger, which the page's security policy does not hold up.
  if (!(await page.evaluate<boolean>("'axe' in window"))) await page.evaluate(axeSource)
  const { violations } = await page.evaluate<{
    violations: { id: string; impact: string; nodes: { html: string; failureSummary: string }[] }[]
  }>("axe.run({ resultTypes: ['violations'] })") // It describes nothing of what is in order.
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`))
}

/** Pixels the page is wider than its window. */
export function overflow(page: Page): Promise<number> {
  return page.evaluate<number>('document.documentElement.scrollWidth - document.documentElement.clientWidth')
}

/** That the page is no wider than its window and keeps nobody from using it, neither in the light nor in the dark. */
export async function expectReadable(page: Page): Promise<void> {
  for (const colorScheme of ['light', 'dark'] as const) {
    await page.emulateMedia({ colorScheme })
    expect(await overflow(page)).toBe(0)
    expect(await seriousIssues(page)).toEqual([])
  }
}
