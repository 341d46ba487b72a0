/** What the pages say when they are refused something, in the language of the page: what to do next. */
import { expect, it } from '@jest/globals'
import { createMeter, report } from '../metered-usage.js'
import { TEST_KEY } from '../running-service.js'
import { seriousIssues } from './browser.js'
import { describeDashboard, heading } from './dashboard-suite.js'

const japanese = { locale: 'ja-JP' }
/** It never moves on, so an event that was taken leaves no room for another. */
const stopwatch = { elapsedMs: () => 0 }
const choices = { settings: { RATE_LIMIT_EVENTS_PER_SECOND: '1' }, stopwatch }

describeDashboard(
  'What the pages say when something is refused',
  (suite) => {
    it('names the key that is wrong, and the one it takes', async () => {
      const page = await suite.open(japanese)
      const tried = async (key: string): Promise<void> => {
        await page.getByLabel('API キー').fill(key)
        await page.keyboard.press('Enter')
      }
      await tried('sk_test_of_nobody')
      await page.getByText('このサービスの有効なキーではありません。').waitFor()
      await tried(await suite.service.newKey({ role: 'ingest' }))
      await page.getByText('取り込み用 (ingest) のキーは使用量の送信専用').waitFor()
      await page.getByRole('button', { name: 'English' }).click()
      await page.getByText('A key of role ingest reports usage and reads nothing.').waitFor()
      expect(await seriousIssues(page)).toEqual([])
    })

    it('says how long to wait, beside what the service calls it', async () => {
      const meter = await createMeter(suite.stripe)
      await report(suite.stripe, meter, 1, { identifier: 'kept' })
      const page = await suite.signedIn(TEST_KEY, japanese, `#/meters/${meter.id}/events`)
      await page.getByRole('button', { name: 'kept をキャンセル' }).click()
      const dialog = page.getByRole('dialog')
      await dialog.getByRole('button', { name: 'イベントをキャンセル' }).click()
      await dialog.getByText('1 秒ほど待ってから、再試行してください。').waitFor()
      await dialog.getByText('This API key sends more meter events a second').waitFor()
      expect(await seriousIssues(page)).toEqual([])
    })

    it('tells the service from a proxy that answers in its place', async () => {
      const page = await suite.signedIn()
      await heading(page, 'Meters').waitFor()
      const answered = async (status: number): Promise<void> => {
        await page.route('**/meterbook/v1/system', (route) =>
          route.fulfill({ status, contentType: 'text/html', body: '<h1>A proxy</h1>' }),
        )
        await page.evaluate(`location.hash = '#/system'`)
        await page.getByText(`answered in its place (status ${status})`).waitFor()
        await page.evaluate(`location.hash = '#/'`)
        await heading(page, 'Meters').waitFor()
        await page.unroute('**/meterbook/v1/system')
      }
      await answered(502)
      await page.reload()
      await answered(200)
    })

    it('speaks of the fields of the page', async () => {
      const page = await suite.signedIn(TEST_KEY, japanese, '#/system')
      await page.getByLabel('開始 (UTC)').fill('2026-01-02T00:00')
      await page.getByLabel('終了 (UTC、この時刻を含まない)').fill('2026-01-01T00:00')
      await page.getByText('終了には、開始より後の日時を指定してください。').waitFor()
      await page.getByRole('button', { name: '監査を実行' }).click()
      expect(await page.getByRole('article').count()).toBe(0)
      expect(await seriousIssues(page)).toEqual([])
      await page.evaluate(`location.hash = '#/customers/cus_A'`)
      await page.getByLabel('日時を指定 (UTC)').fill('2999-01-01T00:00:00')
      await page.getByText('未来の日時です。').waitFor()
    })
  },
  { choices },
)
