/**
 * A real Chromium for the dashboard's tests: Debian's, or the one that CHROMIUM names, without a profile and without a connection
 * of its own. Where there is none the tests fail and say what to do.
 */
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
  await page.evaluate(axeSource)
  const { violations } = await page.evaluate<{
    violations: { id: string; impact: string; nodes: { html: string; failureSummary: string }[] }[]
  }>('axe.run()')
  return violations
    .filter(({ impact }) => impact === 'serious' || impact === 'critical')
    .flatMap(({ id, nodes }) => nodes.map(({ html, failureSummary }) => `${id}: ${html} ${failureSummary}`))
}

/** Pixels the page is wider than its window. */
export function overflow(page: Page): Promise<number> {
  return page.evaluate<number>('document.documentElement.scrollWidth - document.documentElement.clientWidth')
}
