/** Signing in for the dashboard: what the cookie opens, for whom, from where and for how long. */
import { afterAll, beforeAll, expect, it } from '@jest/globals'
import { DASHBOARD_SESSION_LIFETIME_MS } from '../../src/commands/dashboard-session.js'
import { createMeter } from '../metered-usage.js'
import { exchange, rawRequest, type RawAnswer } from '../raw-http.js'
import { FixedClock, onEachStore, TEST_KEY, type RunningService } from '../running-service.js'

const SAME_ORIGIN = 'Sec-Fetch-Site: same-origin'
const JSON_TYPE = 'Content-Type: application/json'
const FORM = 'Content-Type: application/x-www-form-urlencoded'
const NEW_NAME = 'display_name=Renamed'

onEachStore('A dashboard session', (start) => {
  let service: RunningService
  const clock = new FixedClock()
  beforeAll(async () => {
    service = await start(clock)
  })
  afterAll(() => service.close())

  async function ask(method: string, path: string, headers: readonly string[], body = ''): Promise<RawAnswer> {
    const { answers } = await exchange(service.port, rawRequest(method, path, headers, body))
    const [answer] = answers
    if (!answer) throw new Error('There was no answer.')
    return answer
  }
  const json = ({ body }: RawAnswer): unknown => JSON.parse(body.toString('utf8'))
  const signIn = (key: string, headers = [SAME_ORIGIN]): Promise<RawAnswer> =>
    ask('POST', '/meterbook/v1/session', [JSON_TYPE, ...headers], JSON.stringify({ api_key: key }))
  async function cookieOf(key: string): Promise<string> {
    const [cookie = ''] = ((await signIn(key)).headers.get('set-cookie') ?? '').split(';')
    return `Cookie: other=1; ${cookie}`
  }

  it('says who signed in, in a cookie that is not the key and that no script can read', async () => {
    const answer = await signIn(TEST_KEY)
    expect(json(answer)).toEqual({
      object: 'meterbook.session',
      account: 'default',
      key: { last_four: 'cdef', name: 'issued at the first start' },
      livemode: false,
      role: 'secret',
    })
    const cookie = answer.headers.get('set-cookie') ?? ''
    expect(cookie).toMatch(/^meterbook_session=[^;]+; Path=\/; Max-Age=43200; HttpOnly; SameSite=Strict$/)
    expect(cookie).not.toContain(TEST_KEY)
    expect(answer.headers.get('cache-control')).toBe('no-store')
    const overHttps = await signIn(TEST_KEY, [SAME_ORIGIN, 'X-Forwarded-Proto: https'])
    const secured = overHttps.headers.get('set-cookie') ?? ''
    expect(secured).toMatch(/^__Host-meterbook_session=[^;]+; Path=\/; .*; Secure$/)
    const [kept = ''] = secured.split(';')
    const reads = async (...headers: string[]) => (await ask('GET', '/v1/billing/meters', headers)).status
    const https = 'X-Forwarded-Proto: https'
    // Another host of the domain can put a cookie there, but none of such a name.
    expect(await reads(https, `Cookie: meterbook_session=planted; ${kept}`)).toBe(200)
    expect(await reads(https, `Cookie: ${kept.replace('__Host-', '')}`)).toBe(401)
    expect(await reads(`Cookie: ${kept}`)).toBe(401)
    // Behind two proxies it is the first of them that the browser speaks to.
    expect(await reads('X-Forwarded-Proto: https, http', `Cookie: ${kept}`)).toBe(200)
    expect(await reads('X-Forwarded-Proto: http, https', `Cookie: ${kept}`)).toBe(401)
  })

  it('is as good as its key, on reading and changing', async () => {
    const meter = await createMeter(service.stripe)
    const cookie = await cookieOf(TEST_KEY)
    expect(json(await ask('GET', '/meterbook/v1/session', [cookie]))).toMatchObject({ role: 'secret' })
    expect((await ask('GET', `/v1/billing/meters/${meter.id}`, [cookie])).status).toBe(200)
    const head = rawRequest('HEAD', '/v1/billing/meters', [cookie])
    expect((await exchange(service.port, head, { isHead: true })).answers).toMatchObject([{ status: 200 }])
    const renamed = await ask('POST', `/v1/billing/meters/${meter.id}`, [cookie, FORM, SAME_ORIGIN], NEW_NAME)
    expect(json(renamed)).toMatchObject({ display_name: 'Renamed' })
  })

  it('may do no more than a key of role read that made it', async () => {
    const meter = await createMeter(service.stripe)
    const cookie = await cookieOf(await service.newKey({ role: 'read' }))
    expect((await ask('GET', '/v1/billing/meters', [cookie])).status).toBe(200)
    const refused = await ask('POST', `/v1/billing/meters/${meter.id}`, [cookie, FORM, SAME_ORIGIN], NEW_NAME)
    expect([refused.status, json(refused)]).toMatchObject([403, { error: { code: 'more_permissions_required' } }])
  })

  it('cannot be used by another site to change anything', async () => {
    const meter = await createMeter(service.stripe)
    const cookie = await cookieOf(TEST_KEY)
    const rename = (headers: string[]): Promise<RawAnswer> =>
      ask('POST', `/v1/billing/meters/${meter.id}`, [cookie, FORM, ...headers], NEW_NAME)
    const foreign = [
      [],
      ['Sec-Fetch-Site: cross-site'],
      ['Sec-Fetch-Site: same-site'],
      ['Sec-Fetch-Site: none'],
      ['Sec-Fetch-Site: cross-site', 'Origin: http://meterbook'],
      ['Origin: http://meterbook.example'],
      ['Origin: http://meterbook:8080'],
      ['Origin: null'],
      ['Origin: not an origin'],
    ]
    for (const headers of foreign) {
      const refused = await rename(headers)
      expect([headers, refused.status, json(refused)]).toMatchObject([headers, 403, { error: { code: 'forbidden' } }])
      expect((await signIn(TEST_KEY, headers)).status).toBe(403)
      expect((await ask('DELETE', '/meterbook/v1/session', [cookie, ...headers])).status).toBe(403)
    }
    expect((await service.stripe.billing.meters.retrieve(meter.id)).display_name).toBe(meter.display_name)
    // Where the browser says nothing of the site, as over plain http, the origin is asked.
    expect((await rename(['Origin: http://meterbook'])).status).toBe(200)
    // Names of hosts are the same in either case, and browsers write their own in lower case.
    const origin = ['Origin: http://meterbook', cookie, FORM]
    const capital = rawRequest('POST', `/v1/billing/meters/${meter.id}`, origin, NEW_NAME).replace('Host: m', 'Host: M')
    expect((await exchange(service.port, capital)).answers).toMatchObject([{ status: 200 }])
  })

  it('neither opens the stream nor stands for a key', async () => {
    const cookie = await cookieOf(TEST_KEY)
    const [, token = ''] = /meterbook_session=(.*)$/.exec(cookie) ?? []
    const events = '{"events":[]}'
    const stream = '/v2/billing/meter_event_stream'
    expect((await ask('POST', stream, [cookie, JSON_TYPE, SAME_ORIGIN], events)).status).toBe(401)
    expect((await ask('POST', stream, [`Authorization: Bearer ${token}`, JSON_TYPE], events)).status).toBe(401)
    expect((await ask('GET', '/v1/billing/meters', [`Authorization: Bearer ${token}`])).status).toBe(401)
    const streaming = await service.stripe.v2.billing.meterEventSession.create()
    const asCookie = `Cookie: meterbook_session=${streaming.authentication_token}`
    expect((await ask('GET', '/v1/billing/meters', [asCookie])).status).toBe(401)
  })

  it('gives way to a key that is sent beside it', async () => {
    const cookie = await cookieOf(TEST_KEY)
    expect((await ask('GET', '/v1/billing/meters', [cookie, 'Authorization: Bearer sk_test_wrong'])).status).toBe(401)
  })

  it.each([
    ['an unknown key', () => 'sk_test_unknown', 401, 'unauthenticated'],
    ['a key that only reports', () => service.newKey({ role: 'ingest' }), 403, 'more_permissions_required'],
    ['a blank key', () => ' ', 401, 'unauthenticated'],
    ['no key', () => '', 400, 'parameter_invalid_empty'],
    ['a text longer than any key', () => 'k'.repeat(300), 400, 'parameter_too_long'],
  ])('is not begun with %s', async (_, key, status, code) => {
    const answer = await signIn(await key())
    expect([answer.status, json(answer)]).toMatchObject([status, { error: { code, param: 'api_key' } }])
    expect(answer.headers.has('set-cookie')).toBe(false)
  })

  it('is not taken once a letter of it is changed', async () => {
    const cookie = await cookieOf(TEST_KEY)
    const reads = async (sent: string): Promise<number> => (await ask('GET', '/meterbook/v1/session', [sent])).status
    expect(await reads(cookie)).toBe(200)
    const last = cookie.at(-1) === 'A' ? 'B' : 'A'
    expect(await reads(cookie.slice(0, -1) + last)).toBe(401)
    expect(await reads(cookie.replace(/\.[0-9a-z]+\./, '.zzzzzzzzz.'))).toBe(401)
    expect(await reads(`${cookie}x`)).toBe(401)
    expect(await reads('Cookie: meterbook_session=')).toBe(401)
    expect(await reads(`Cookie: meterbook_session=; ${cookie.replace('Cookie: ', '')}`)).toBe(200)
    expect(await reads('Cookie: meterbook_session')).toBe(401)
  })

  it('ends when someone signs out, and takes the cookie away', async () => {
    const cookie = await cookieOf(TEST_KEY)
    const answer = await ask('DELETE', '/meterbook/v1/session', [cookie, SAME_ORIGIN])
    expect([answer.status, answer.headers.get('set-cookie')]).toEqual([
      200,
      'meterbook_session=; Path=/; Max-Age=0; HttpOnly; SameSite=Strict',
    ])
  })

  it('ends with its key', async () => {
    const revocable = await service.revocableClient()
    const cookie = await cookieOf(revocable.key)
    expect((await ask('GET', '/v1/billing/meters', [cookie])).status).toBe(200)
    await revocable.revoke()
    // Noticed with the progress of the log, which the write below waits for.
    await createMeter(service.stripe)
    await service.stripe.billing.meters.list()
    expect((await ask('GET', '/v1/billing/meters', [cookie])).status).toBe(401)
  })

  it('survives a restart, and ends after 12 hours', async () => {
    const cookie = await cookieOf(TEST_KEY)
    await service.restart()
    clock.advance(DASHBOARD_SESSION_LIFETIME_MS - 1)
    expect((await ask('GET', '/v1/billing/meters', [cookie])).status).toBe(200)
    clock.advance(1)
    expect((await ask('GET', '/v1/billing/meters', [cookie])).status).toBe(401)
  })
})
