/**
 * What the service sends a browser: small enough, kept as long as it may be, and bound by a strict policy. Swagger UI, which
 * shows the API's description, works under it, though it allows no code or style in the page.
 */
import { describe, expect, it } from '@jest/globals'
import { readdirSync, readFileSync } from 'node:fs'
import { gzipSync } from 'node:zlib'
import { CONTENT_SECURITY_POLICY } from '../../src/api/kept-files.js'
import { TEST_KEY } from '../running-service.js'
import { describeDashboard } from './dashboard-suite.js'

const BUNDLE_BYTES_MAX = 350 * 1024
const folder = new URL('../../dist/dashboard/', import.meta.url)

describeDashboard('What a browser is sent', (suite) => {
  describe("The dashboard's files", () => {
    it('are at most 350 kB, zipped', () => {
      const names = readdirSync(new URL('assets/', folder))
      const sizes = names.map((name) => gzipSync(readFileSync(new URL(`assets/${name}`, folder))).length)
      const total = sizes.reduce((sum, size) => sum + size, 0)
      expect(total).toBeGreaterThan(0)
      expect(total).toBeLessThanOrEqual(BUNDLE_BYTES_MAX)
    })

    it('name nothing of another host in the page, and have no code in it', () => {
      const page = readFileSync(new URL('index.html', folder), 'utf8')
      expect(page).not.toMatch(/(src|href)="(?!\.\/)/)
      expect(page).not.toMatch(/<style|<script(?![^>]* src=)|style=|javascript:/)
    })

    it('are kept by browsers but for the page, which is asked for each time', async () => {
      const page = await fetch(suite.service.url)
      const { headers } = page
      expect([page.status, headers.get('content-type')]).toEqual([200, 'text/html; charset=utf-8'])
      expect(headers.get('cache-control')).toBe('no-cache')
      expect(headers.get('content-security-policy')).toBe(CONTENT_SECURITY_POLICY)
      expect(CONTENT_SECURITY_POLICY).not.toContain('unsafe')
      const again = await fetch(suite.service.url, { headers: { 'if-none-match': headers.get('etag') ?? '' } })
      expect(again.status).toBe(304)

      const [, script = ''] = /src="\.(\/assets\/[^"]+\.js)"/.exec(await page.text()) ?? []
      const asset = await fetch(suite.service.url + script)
      expect(asset.headers.get('cache-control')).toBe('public, max-age=31536000, immutable')
      expect(asset.headers.get('content-encoding')).toBe('gzip')
      expect((await asset.text()).length).toBe(readFileSync(new URL(`.${script}`, folder), 'utf8').length)
      const plain = await fetch(suite.service.url + script, { headers: { 'accept-encoding': 'identity' } })
      expect(plain.headers.get('content-encoding')).toBeNull()
      expect(plain.headers.get('x-content-type-options')).toBe('nosniff')
    })

    it.each([
      ['gzip;q=0, identity', null],
      ['*;q=0', null],
      ['br', null],
      ['br, gzip;q=0.5', 'gzip'],
      ['deflate, *', 'gzip'],
    ])('are zipped for whoever takes that: Accept-Encoding: %s', async (accepted, encoding) => {
      const { headers } = await fetch(suite.service.url, { headers: { 'accept-encoding': accepted } })
      expect([headers.get('content-encoding'), headers.get('vary')]).toEqual([encoding, 'accept-encoding'])
    })

    it('are not sent to whoever has them, also by way of a proxy that compresses, and each encoding has its own tag', async () => {
      const ask = (headers: Record<string, string>) => fetch(suite.service.url, { headers })
      const tags: string[] = []
      for (const accepted of ['identity', 'gzip']) {
        const tag = (await ask({ 'accept-encoding': accepted })).headers.get('etag') ?? ''
        tags.push(tag)
        for (const known of [tag, `W/${tag}`, `"another", W/${tag}`, '*']) {
          const { status } = await ask({ 'accept-encoding': accepted, 'if-none-match': known })
          expect([accepted, known, status]).toEqual([accepted, known, 304])
        }
        expect((await ask({ 'accept-encoding': accepted, 'if-none-match': '"another"' })).status).toBe(200)
      }
      expect(new Set(tags).size).toBe(2)
      expect((await ask({ 'accept-encoding': 'gzip', 'if-none-match': tags[0] ?? '' })).status).toBe(200)
    })

    it.each(['/assets/', '/assets/nothing.js', '/index.html', '/assets/..%2f..%2fmain.js', '/../package.json'])(
      'are nothing but what was built: %s',
      async (path) => {
        const answer = await fetch(suite.service.url + path)
        expect(answer.status).toBe(404)
        expect(await answer.json()).toMatchObject({ error: { type: 'invalid_request_error' } })
      },
    )
  })

  describe('The page of the API description', () => {
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
})
