/** The system page: how the rows stand, building them anew, and proving them. */
import { expect, it } from '@jest/globals'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { READ_MODEL_FILE } from '../../src/read-model/open-read-model.js'
import { SqliteDatabase } from '../../src/sqlite.js'
import { createMeter, report, usageProjected } from '../metered-usage.js'
import { TEST_KEY } from '../running-service.js'
import { expectReadable, seriousIssues } from './browser.js'
import { describeDashboard, heading, MALICIOUS } from './dashboard-suite.js'

const PATH = '#/system'

describeDashboard('The system page', (suite) => {
  const opened = async (key = TEST_KEY, options = {}): Promise<Page> => {
    const page = await suite.signedIn(key, options, PATH)
    await page.getByRole('row', { name: 'usage-cells' }).waitFor()
    return page
  }
  const audited = async (page: Page): Promise<void> => {
    const before = await page.getByRole('article').count()
    await page.getByRole('button', { name: 'Run an audit' }).click()
    await page.getByRole('article').nth(before).waitFor()
  }
  const newest = (page: Page) => page.getByRole('article').first()

  it('says what runs, and how far the rows are', async () => {
    await report(suite.stripe, await createMeter(suite.stripe), 1)
    const page = await opened()
    await heading(page, 'System').waitFor()
    await page.getByText('Embedded (SQLite) (reachable)').waitFor()
    await page.getByText('Ready', { exact: true }).waitFor()
    await page.getByRole('row', { name: /^usage-index 0 0 1 \S+ \d+ Rebuild/ }).waitFor()
    const current = page.getByRole('navigation').locator('[aria-current=page]')
    expect(await current.textContent()).toBe('System')
    expect(await seriousIssues(page)).toEqual([])
  })

  it('moves as soon as something is recorded', async () => {
    const page = await opened()
    const row = page.getByRole('row', { name: 'usage-index' })
    const before = await row.textContent()
    await createMeter(suite.stripe)
    await row.filter({ hasNotText: before ?? '' }).waitFor()
  })

  it('rebuilds after a question, and can be talked out of it', async () => {
    const page = await opened()
    await page.getByRole('button', { name: 'Rebuild usage-marks' }).click()
    await page.getByRole('heading', { name: 'Rebuild usage-marks?' }).waitFor()
    await page.getByText('If an audit differed, find out first which side is wrong').waitFor()
    expect(await seriousIssues(page)).toEqual([])
    await page.keyboard.press('Escape')
    expect(await page.getByText('Completed').count()).toBe(0)
    await page.getByRole('button', { name: 'Rebuild all' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Rebuild' }).click()
    await page.getByRole('heading', { name: 'Rebuild of all projections' }).waitFor()
    await page.getByText(/^Completed: .* Every row is as it was\.$/).waitFor()
  })

  it('finds what was changed behind the back of the service, as text, and mends it', async () => {
    const meter = await createMeter(suite.stripe, 'sum', { display_name: MALICIOUS })
    await report(suite.stripe, meter, 5, { customer: MALICIOUS })
    await usageProjected(suite.stripe)
    const page = await opened()
    const database = new SqliteDatabase(join(suite.service.dataDir, READ_MODEL_FILE))
    const { generation } = database.prepare("SELECT generation FROM projections WHERE name = 'usage-index'").get() as {
      generation: number
    }
    database
      .prepare(
        `UPDATE usage_records_${generation} SET identifier = ?, value = '666' WHERE sequence = (SELECT max(sequence) FROM usage_records_${generation})`,
      )
      .run(MALICIOUS)
    database.close()
    await page.getByLabel('Meter', { exact: true }).selectOption(meter.id)
    await page.getByRole('textbox', { name: 'Customer' }).fill(MALICIOUS)
    await audited(page)
    await newest(page).getByText('Differs', { exact: true }).waitFor()
    await newest(page)
      .getByRole('heading', { name: `Meter ${MALICIOUS}, customer ${MALICIOUS}`, level: 3 })
      .waitFor()
    await newest(page).getByText('Do not rebuild yet.').waitFor()
    await newest(page).getByText('If they are equal, the log is sound').waitFor()
    const finding = newest(page).locator('.findings > li')
    await finding.getByRole('link', { name: `Meter ${MALICIOUS}` }).waitFor()
    await finding.getByRole('link', { name: `customer ${MALICIOUS}` }).waitFor()
    await finding.getByRole('row', { name: 'value 5 666', exact: true }).waitFor()
    await finding.getByRole('row', { name: 'identifier' }).getByRole('cell', { name: MALICIOUS, exact: true }).waitFor()
    expect(await finding.getByRole('row').count()).toBe(3)
    expect(await seriousIssues(page)).toEqual([])
    // For somebody else it is beside what was asked for.
    await page.getByRole('textbox', { name: 'Customer' }).fill('cus_nobody')
    await audited(page)
    await newest(page).getByText('Every row of it is what the log gives.').waitFor()
    await newest(page).getByText('Differences outside of it: 1. Run an audit of everything to see them.').waitFor()
    expect(await seriousIssues(page)).toEqual([])

    await page.getByRole('button', { name: 'Rebuild usage-index' }).click()
    await page.getByRole('dialog').getByRole('button', { name: 'Rebuild' }).click()
    await page.getByText('1 row differed and was mended.').waitFor()
    await audited(page)
    await newest(page).getByText('Agrees', { exact: true }).waitFor()
    await newest(page)
      .getByText(/^[0-9a-f]{64}$/)
      .waitFor()
  })

  it('runs one audit for a double click', async () => {
    const page = await opened()
    await page.getByRole('article').first().waitFor()
    const before = await page.getByRole('article').count()
    await page.getByRole('button', { name: 'Run an audit' }).dblclick()
    await page.getByRole('article').nth(before).waitFor()
    await newest(page).getByText('Agrees', { exact: true }).waitFor()
    expect(await page.getByRole('article').count()).toBe(before + 1)
    expect(await page.getByRole('alert').count()).toBe(0)
  })

  it('says at once what is wrong with an audit', async () => {
    const page = await opened()
    await page.getByRole('textbox', { name: 'Customer' }).fill('x'.repeat(300))
    await page.getByRole('button', { name: 'Run an audit' }).click()
    await page.getByRole('alert').getByText('customer').waitFor()
  })

  it('offers a read key nothing it may not do', async () => {
    const page = await opened(await suite.service.newKey({ role: 'read' }))
    await page.getByText('Audits need a secret key.').waitFor()
    expect(await page.getByRole('button', { name: /Rebuild|audit/ }).count()).toBe(0)
  })

  it('fits a small screen and can be read, in the light and in the dark', async () => {
    const page = await opened(TEST_KEY, { locale: 'ja-JP', viewport: { width: 375, height: 700 } })
    await page.getByRole('button', { name: '監査を実行' }).click()
    await page.getByRole('article').getByText('一致', { exact: true }).first().waitFor()
    await expectReadable(page)
  })
})
