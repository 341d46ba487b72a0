/** `meterbook import --url`: files through a service that runs, and through one that is disturbed. */
import { afterAll, beforeAll, describe, expect, it, jest } from '@jest/globals'
import { once } from 'node:events'
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { IMPORT_CALL_EVENTS_MAX } from '../../src/commands/import-usage.js'
import { DAY_MS } from '../../src/domain/time-bucket.js'
import { freePort } from '../free-port.js'
import { createMeter } from '../metered-usage.js'
import { TEST_KEY } from '../running-service.js'
import { startServiceProcess, type ServiceProcess } from '../service-process.js'
import { makeStore, start, type Ended } from './command-line.js'
import { disturbingProxy, type Disturbance, type GatewayStatus } from './disturbing-proxy.js'

// Each test starts several processes.
jest.setTimeout(120_000)

const SUMMARY_WHERE_STOPPED =
  /^\S+: ([\d ]+) lines in .*: ([\d ]+) counted, 0 counted before, 0 refused\.\nIt stopped before the end\. Run it again: each line counts once\.\n$/

let folder: string
/** Of a service that every test may use; each imports for a meter of its own. */
let dataDir: string
let service: ServiceProcess

const startOn = async (into: string, settings: Readonly<Record<string, string>> = {}): Promise<ServiceProcess> => {
  await makeStore(into, [{ eventName: 'tokens' }])
  return startServiceProcess({ DATA_DIR: into, LOG_LEVEL: 'warn', ...settings })
}
beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'meterbook-'))
  dataDir = join(folder, 'data')
  service = await startOn(dataDir)
})

afterAll(async () => {
  await service.end('SIGKILL')
  rmSync(folder, { recursive: true })
})

const payload = { stripe_customer_id: 'cus_A', value: '1' }
const ndjson = (lines: readonly object[]): string => lines.map((line) => `${JSON.stringify(line)}\n`).join('')
const many = (count: number, event_name = 'tokens'): string =>
  ndjson(Array.from({ length: count }, (_, n) => ({ event_name, identifier: `many-${n}`, payload })))

function file(name: string, content: string | Buffer): string {
  const path = join(folder, name)
  writeFileSync(path, content)
  return path
}

async function run(args: readonly string[], environment: Record<string, string> = {}): Promise<Ended> {
  const { child, ended } = start(['import', ...args], { METERBOOK_API_KEY: TEST_KEY, ...environment })
  child.stdin.on('error', () => undefined)
  child.stdin.end()
  return ended
}

const importFile = (path: string, ...options: string[]): Promise<Ended> =>
  run([path, '--url', service.url, '--json', ...options])

function summary({ stdout }: Ended): Record<string, unknown> {
  return JSON.parse(stdout) as Record<string, unknown>
}

async function exported(eventName: string, from = dataDir): Promise<Record<string, unknown>[]> {
  const { child, ended } = start(['export', '--data-dir', from, '--event-name', eventName, '--quiet'])
  child.stdin.end()
  const { code, stdout } = await ended
  expect(code).toBe(0)
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => JSON.parse(line) as Record<string, unknown>)
}

describe('Importing through a running service', () => {
  it('counts a file once, whichever way it is imported', async () => {
    const own = join(folder, 'data of its own')
    const service = await startOn(own)
    try {
      const content = ndjson([
        { event_name: 'tokens', identifier: 'own', payload },
        { event_name: 'tokens', payload },
        { event_name: 'tokens', payload },
      ])
      const path = file('usage.ndjson', content)
      const first = await run([path, '--url', service.url, '--json'])
      expect([first.code, summary(first)]).toMatchObject([
        0,
        { url: service.url, lines: 3, counted: 3, duplicates: 0, rejected: 0, stopped: null },
      ])
      const again = await run([file('again.ndjson.gz', gzipSync(content)), '--url', service.url, '--json'])
      expect(summary(again)).toMatchObject({ duplicates: 3 })
      await service.end('SIGTERM')
      const direct = await run([path, '--data-dir', own, '--json'])
      expect(summary(direct)).toMatchObject({ counted: 0, duplicates: 3 })
      expect(await exported('tokens', own)).toHaveLength(3)
    } finally {
      await service.end('SIGKILL')
    }
  })

  it('writes refused lines beside the file, with their number, reason and text, and counts the others', async () => {
    const { event_name } = await createMeter(service.stripe)
    const old = new Date(Date.now() - 36 * DAY_MS).toISOString()
    const deep = JSON.stringify({ event_name, payload: JSON.parse(`${'['.repeat(40)}${']'.repeat(40)}`) })
    const bad = [
      '{"event_name": "tokens", broken',
      JSON.stringify({ event_name: 'nothing', payload }),
      '[1, 2]',
      JSON.stringify({ event_name, payload, timestamp: old }),
      JSON.stringify({ event_name, payload: { ...payload, note: '\ud800' } }),
      JSON.stringify({ event_name, payload: { ...payload, note: '\0' } }),
      deep,
      JSON.stringify({ event_name, identifier: 'taken', payload: { ...payload, value: '2' } }),
    ]
    const good = JSON.stringify({ event_name, identifier: 'taken', payload })
    const path = file('mixed.ndjson', [good, '', ...bad, good].join('\n'))
    const ended = await importFile(path)
    expect(ended.code).toBe(1)
    expect(summary(ended)).toMatchObject({ lines: 10, counted: 1, duplicates: 1, rejected: 8, stopped: null })
    const refused = readFileSync(`${path}.rejected.ndjson`, 'utf8')
      .trimEnd()
      .split('\n')
      .map((line) => JSON.parse(line) as Record<string, unknown>)
    expect(refused.map(({ line, code }) => [line, code])).toEqual([
      [3, 'parameter_invalid'],
      [4, 'no_meter'],
      [5, 'parameter_invalid'],
      [6, 'timestamp_too_far_in_past'],
      [7, 'parameter_invalid'],
      [8, 'parameter_invalid'],
      [9, 'parameter_invalid'],
      [10, 'duplicate_meter_event'],
    ])
    expect(refused.map(({ raw }) => raw)).toEqual(bad)
    expect(summary(await importFile(path, '--backfill'))).toMatchObject({ counted: 1, rejected: 7 })
  })

  it('judges numbers that JavaScript has no JSON for as an import into the store does', async () => {
    const own = join(folder, 'data imported into')
    await makeStore(own, [{ eventName: 'tokens' }])
    const line = (rest: string): string => `{"event_name":"tokens",${rest}}`
    const sent = JSON.stringify(payload)
    const lines = [
      line(`"identifier":"huge","payload":${sent},"timestamp":1e400`),
      line(`"identifier":"small","payload":${sent},"timestamp":-1e400`),
      line(`"identifier":1e400,"payload":${sent}`),
      line(`"identifier":"value","payload":{"stripe_customer_id":"cus_A","value":1e400}`),
      line(`"identifier":"payload","payload":1e400`),
      line(`"identifier":"more","payload":${sent},"more":[1e400]`),
      line(`"identifier":"milliseconds","payload":${sent},"timestamp":1835481605000`),
      '1e400',
    ]
    const path = file('numbers.ndjson', lines.join('\n'))
    const rejected: unknown[] = []
    for (const into of [
      ['--url', service.url],
      ['--data-dir', own],
    ]) {
      const ended = await run([path, ...into, '--json'])
      expect([ended.code, summary(ended)]).toMatchObject([1, { counted: 0, rejected: lines.length }])
      rejected.push(readFileSync(`${path}.rejected.ndjson`, 'utf8'))
    }
    expect(rejected[0]).toBe(rejected[1])
  })

  it('refuses a line that is too long for a call only as JSON, and goes on', async () => {
    const { event_name } = await createMeter(service.stripe)
    const long = `${event_name},long,cus_A,1,${'\u0001'.repeat(50_000)}`
    const path = file(
      'long.csv',
      ['event_name,identifier,stripe_customer_id,value,note', long, `${event_name},short,cus_A,1,x`].join('\n'),
    )
    expect(summary(await importFile(path))).toMatchObject({ counted: 1, rejected: 1, stopped: null })
    expect(readFileSync(`${path}.rejected.ndjson`, 'utf8')).toMatch(/^\{"line":2,"code":"parameter_too_long"/)
  })

  it('keeps the order of the file where it decides a number', async () => {
    const { event_name } = await createMeter(service.stripe, 'sum', { event_time_window: 'hour' })
    const hour = Math.floor((Date.now() - DAY_MS) / 3_600_000) * 3600
    const lines = Array.from({ length: 1.5 * IMPORT_CALL_EVENTS_MAX }, (_, n) => ({
      event_name,
      identifier: `ordered-${n}`,
      timestamp: hour + (n % 3) * 3600,
      payload: { ...payload, value: String(n) },
    }))
    expect((await importFile(file('ordered.ndjson', ndjson(lines)))).code).toBe(0)
    const order = (identifiers: readonly unknown[], window: number) =>
      identifiers.filter((identifier) => Number(String(identifier).slice('ordered-'.length)) % 3 === window)
    const identifiers = (await exported(event_name)).map(({ identifier }) => identifier)
    for (const window of [0, 1, 2]) {
      expect(order(identifiers, window)).toEqual(
        order(
          lines.map(({ identifier }) => identifier),
          window,
        ),
      )
    }
  })

  it('counts once through a service that is busy, restarts, or whose answers are lost', async () => {
    const { event_name } = await createMeter(service.stripe)
    const disturbances: Disturbance[] = [503, 'none', 429, 503, 'none', 'cut after', 'none', 'cut before', 'none']
    // Four calls are answered until each disturbance was met, and the next one is disturbed again.
    const lineCount = 5 * IMPORT_CALL_EVENTS_MAX
    const proxy = await disturbingProxy(service.url, (request) => disturbances[(request - 1) % 9] ?? 'none')
    try {
      const ended = await run([file('disturbed.ndjson', many(lineCount, event_name)), '--url', proxy.url, '--json'])
      expect(ended.code).toBe(0)
      const { lines, counted, duplicates, rejected } = summary(ended) as Record<string, number>
      // What was counted by a call whose answer was lost is a duplicate of the next one.
      expect([lines, (counted as number) + (duplicates as number), rejected]).toEqual([lineCount, lineCount, 0])
      expect(duplicates).toBeGreaterThan(0)
      expect(proxy.requests).toBeGreaterThan(disturbances.length)
    } finally {
      await proxy.close()
    }
    const identifiers = (await exported(event_name)).map(({ identifier }) => identifier)
    expect(identifiers).toHaveLength(lineCount)
    expect(new Set(identifiers).size).toBe(lineCount)
  })

  it('says once of each outage that it waits, and why, and that it goes on', async () => {
    const { event_name } = await createMeter(service.stripe)
    const outages: Disturbance[] = [503, 503, 503, 'none', 429, 'none', 'cut before', 'cut before', 'none']
    const proxy = await disturbingProxy(service.url, (request) => outages[request - 1] ?? 'none')
    const path = file('outages.ndjson', many(4 * IMPORT_CALL_EVENTS_MAX, event_name))
    try {
      const { code, stderr } = await run([path, '--url', proxy.url, '--json'])
      expect(code).toBe(0)
      const told = stderr.split('\n').filter((line) => !/^(\d.* lines? .*)?$/.test(line))
      expect(told).toEqual([
        `Waiting for the service, for up to 5 minutes. The service at ${proxy.url} answered 503: Please try again.`,
        'The service answers again; going on.',
        expect.stringMatching(/^Waiting for the service, .* cannot be reached: .+\.$/),
        'The service answers again; going on.',
      ])
    } finally {
      await proxy.close()
    }
    const quiet = await disturbingProxy(service.url, (request) => (request === 1 ? 503 : 'none'))
    try {
      expect(await run([path, '--url', quiet.url, '--quiet'])).toEqual({ code: 0, stdout: '', stderr: '' })
    } finally {
      await quiet.close()
    }
  })

  it('counts once through a proxy that does not reach a service that restarts, whatever it answers then', async () => {
    const own = join(folder, 'data of one that restarts')
    const settings = { DATA_DIR: own, LOG_LEVEL: 'warn', PORT: String(await freePort()) }
    let restarting = startOn(own, settings)
    const { url } = await restarting
    const pages: readonly GatewayStatus[] = [502, 504, 503]
    let answered = 0
    const unreached = (): GatewayStatus => {
      const page = pages[answered++ % pages.length] as GatewayStatus
      if (answered === pages.length) restarting = startServiceProcess(settings)
      return page
    }
    const disturb = async (request: number): Promise<Disturbance> => {
      if (request === 2) await (await restarting).end('SIGKILL')
      return 'none'
    }
    const proxy = await disturbingProxy(url, disturb, { unreached })
    const lineCount = 4 * IMPORT_CALL_EVENTS_MAX
    try {
      const { code, stdout, stderr } = await run([
        file('restart.ndjson', many(lineCount)),
        '--url',
        proxy.url,
        '--json',
      ])
      expect([code, JSON.parse(stdout)]).toMatchObject([0, { counted: lineCount, duplicates: 0, stopped: null }])
      expect(stderr.split('\n').filter((line) => /^(Waiting|The service|Stopped)/.test(line))).toEqual([
        `Waiting for the service, for up to 5 minutes. The service at ${proxy.url} answered 502: a proxy in front of it does not reach it.`,
        'The service answers again; going on.',
      ])
      expect(answered).toBeGreaterThanOrEqual(pages.length)
    } finally {
      await proxy.close()
      await (await restarting).end('SIGKILL')
    }
    expect(await exported('tokens', own)).toHaveLength(lineCount)
  })

  it('says what was counted where it is interrupted while it waits, and counts each line once when it is run again', async () => {
    const { event_name } = await createMeter(service.stripe)
    const lineCount = 3 * IMPORT_CALL_EVENTS_MAX
    const path = file('interrupted.ndjson', many(lineCount, event_name))
    let first = 0
    const proxy = await disturbingProxy(service.url, (request) => (request === 1 ? 'none' : 503))
    try {
      const { child, ended } = start(['import', path, '--url', proxy.url], { METERBOOK_API_KEY: TEST_KEY })
      for (let said = ''; !said.includes('Waiting for the service');) {
        said += String((await once(child.stderr, 'data')) as [Buffer])
      }
      child.kill('SIGINT')
      const { code, stdout, stderr } = await ended
      expect(code).toBe(130)
      const [, lines, counted] = SUMMARY_WHERE_STOPPED.exec(stdout) ?? []
      expect(counted).toBe(lines)
      first = Number(counted?.replaceAll(' ', ''))
      expect(first).toBeGreaterThan(0)
      expect(stderr).toMatch(/\nInterrupted; what is under way is still counted\.\n$/)
    } finally {
      await proxy.close()
    }
    expect(summary(await importFile(path))).toMatchObject({ counted: lineCount - first, duplicates: first })
  })

  it('counts once when it is killed half way and run again', async () => {
    const { event_name } = await createMeter(service.stripe)
    const lineCount = 10 * IMPORT_CALL_EVENTS_MAX
    const path = file('killed.ndjson', many(lineCount, event_name))
    const { child, ended } = start(['import', path, '--url', service.url], { METERBOOK_API_KEY: TEST_KEY })
    await once(child.stderr, 'data')
    child.kill('SIGKILL')
    await ended
    const { counted, duplicates } = summary(await importFile(path)) as Record<string, number>
    expect(duplicates).toBeGreaterThan(0)
    expect((counted as number) + (duplicates as number)).toBe(lineCount)
    expect(await exported(event_name)).toHaveLength(lineCount)
  })

  it.each<[name: string, content: (lines: string) => string | Buffer]>([
    ['far.ndjson', (lines) => lines],
    ['far.ndjson.gz', (lines) => gzipSync(lines)],
    ['far.csv', (lines) => `event_name,identifier,stripe_customer_id,value\n${lines}`],
  ])('tells of %s how much was answered, not how much was read', async (name, contentOf) => {
    const { event_name } = await createMeter(service.stripe)
    const lineCount = 1.5 * IMPORT_CALL_EVENTS_MAX
    const lines = Array.from({ length: lineCount }, (_, n) => {
      const identifier = `far-${String(n).padStart(80, '0')}`
      return name.endsWith('.csv')
        ? `${event_name},${identifier},cus_A,1\n`
        : ndjson([{ event_name, identifier, payload }])
    })
    const { code, stderr } = await run([file(name, contentOf(lines.join(''))), '--url', service.url])
    expect(code).toBe(0)
    // The first part of it, of lines that are all as long.
    const [, answered, percent] = /^([\d ]+) lines  (\d+) %\n/.exec(stderr) ?? []
    const count = Number(answered?.replaceAll(' ', ''))
    expect(count).toBeLessThan(lineCount)
    expect(Number(percent)).toBeCloseTo((100 * count) / lineCount, -0.5)
  })

  it('stays within a rate limit of the service', async () => {
    const limited = await startOn(join(folder, 'data of a limited one'), { RATE_LIMIT_EVENTS_PER_SECOND: '1000' })
    const proxy = await disturbingProxy(limited.url, () => 'none')
    try {
      const since = performance.now()
      const ended = await run([file('limited.ndjson', many(3_500)), '--url', proxy.url, '--json'])
      expect(summary(ended)).toMatchObject({ counted: 3_500 })
      // One second's worth at once, then at that rate; the last call may be owed.
      expect(performance.now() - since).toBeGreaterThan(1_400)
      // Four calls, each refused once or twice, as it waits for as many seconds as it is told.
      expect(proxy.requests).toBeLessThan(20)
    } finally {
      await proxy.close()
      await limited.end('SIGKILL')
    }
  })

  it('ends with 3 where it cannot go on, and says what to do', async () => {
    const path = file('usage.ndjson', many(10))
    const read = await run([path, '--url', service.url], { METERBOOK_API_KEY: 'sk_test_unknown_key' })
    expect([read.code, read.stderr]).toEqual([3, expect.stringContaining('answered 401: Invalid API Key')])
    const nobody = await run([path, '--url', 'http://nowhere.invalid:4242'])
    expect(nobody).toMatchObject({ code: 3, stderr: expect.stringMatching(/^Stopped at line 1: .*nowhere\.invalid/) })
    expect(nobody.stderr).toMatch(/ cannot be reached: .+\. See that it runs there, and that --url is right\.\n$/)
    expect(existsSync(`${path}.rejected.ndjson`)).toBe(false)
  })

  it('goes through a proxy that has the service below a path, with a slash at its end or without', async () => {
    const { event_name } = await createMeter(service.stripe)
    const proxy = await disturbingProxy(service.url, () => 'none', { below: '/usage/meterbook' })
    const path = file('below.ndjson', many(10, event_name))
    try {
      const [first, again] = [
        await run([path, '--url', proxy.url, '--json']),
        await run([path, '--url', `${proxy.url}/`, '--json']),
      ]
      expect([first.code, summary(first)]).toMatchObject([0, { url: proxy.url, counted: 10 }])
      expect([again.code, summary(again)]).toMatchObject([0, { counted: 0, duplicates: 10 }])
      const beside = await run([path, '--url', new URL(proxy.url).origin])
      expect([beside.code, beside.stderr]).toEqual([
        3,
        expect.stringMatching(/ answered 404: it is no Meterbook service\n$/),
      ])
    } finally {
      await proxy.close()
    }
  })

  it('says that it was a proxy that refused a call, where the service has answered before or a call is too large', async () => {
    const { event_name } = await createMeter(service.stripe)
    const path = file('refused.ndjson', many(3_000, event_name))
    const problem = async (status: 413 | 500, from: number): Promise<string> => {
      const proxy = await disturbingProxy(service.url, (n) => (n >= from ? { unreached: status } : 'none'))
      try {
        const { code, stderr } = await run([path, '--url', proxy.url])
        expect(code).toBe(3)
        return stderr
      } finally {
        await proxy.close()
      }
    }
    const ofAProxy =
      / answered 500: that came from a proxy in front of it, for the service has answered before\. See to the proxy\.\n$/
    expect(await problem(500, 2)).toMatch(ofAProxy)
    expect(await problem(500, 1)).toMatch(/ answered 500: it is no Meterbook service\n$/)
    expect(await problem(413, 1)).toMatch(
      / answered 413: a proxy in front of it takes no body that large\. Let it take 2 MiB\.\n$/,
    )
  })

  it.each<[status: 301 | 302 | 303 | 307 | 308, location: (path: string) => string, said: string]>([
    [
      301,
      (path) => `https://meterbook.example${path}`,
      'it is to be reached at https://meterbook.example. Give that as --url.',
    ],
    [
      302,
      () => 'https://meterbook.example:8443',
      'it is to be reached at https://meterbook.example:8443. Give that as --url.',
    ],
    [
      303,
      () => 'https://a:b@login.example/a?secret=c#d',
      'it is to be reached at https://login.example. Give that as --url.',
    ],
    [
      307,
      (path) => `//meterbook.example/below${path}`,
      'it is to be reached at http://meterbook.example/below. Give that as --url.',
    ],
    [308, (path) => `/below${path}`, 'it is to be reached at http://ITSELF/below. Give that as --url.'],
    [302, () => '/login?secret=c', 'it is no Meterbook service'],
    [302, (path) => path, 'it is no Meterbook service'],
    [302, () => 'https://', 'it is no Meterbook service'],
    [302, () => 'file:///secret', 'it is no Meterbook service'],
  ])('follows no redirection (%s), and says where the service is', async (moved, locationOf, said) => {
    const proxy = await disturbingProxy(service.url, (_, path) => ({ moved, location: locationOf(path) }))
    try {
      const { code, stderr } = await run([file('moved.ndjson', many(1)), '--url', proxy.url])
      const expected = said.replace('ITSELF', new URL(proxy.url).host)
      expect([code, stderr]).toEqual([
        3,
        `Stopped at line 1: The service at ${proxy.url} answered ${moved}: ${expected}\n`,
      ])
      expect(proxy.requests).toBe(1)
    } finally {
      await proxy.close()
    }
  })

  it('waits a moment for a service that does not listen yet, and says so', async () => {
    const { event_name } = await createMeter(service.stripe)
    const port = await freePort()
    const args = ['import', file('early.ndjson', many(10, event_name)), '--url', `http://127.0.0.1:${port}`, '--json']
    const { child, ended } = start(args, { METERBOOK_API_KEY: TEST_KEY })
    await Promise.race([once(child.stderr, 'data'), ended])
    const proxy = await disturbingProxy(service.url, () => 'none', { port })
    try {
      const { code, stdout, stderr } = await ended
      expect([code, JSON.parse(stdout)]).toMatchObject([0, { counted: 10 }])
      expect(stderr.split('\n').slice(0, 2)).toEqual([
        `Waiting for the service, for up to 30 seconds. The service at http://127.0.0.1:${port} cannot be reached: connect ECONNREFUSED 127.0.0.1:${port}. See that it runs there, and that --url is right.`,
        'The service answers again; going on.',
      ])
    } finally {
      await proxy.close()
    }
  })

  it('waits a moment for a service that a proxy does not reach yet, and says so', async () => {
    const { event_name } = await createMeter(service.stripe)
    const early: Disturbance[] = [{ unreached: 504 }, { unreached: 502 }, { unreached: 503 }]
    const proxy = await disturbingProxy(service.url, (request) => early[request - 1] ?? 'none')
    try {
      const path = file('early behind a proxy.ndjson', many(10, event_name))
      const { code, stdout, stderr } = await run([path, '--url', proxy.url, '--json'])
      expect([code, JSON.parse(stdout)]).toMatchObject([0, { counted: 10 }])
      expect(stderr.split('\n').slice(0, 2)).toEqual([
        `Waiting for the service, for up to 30 seconds. The service at ${proxy.url} answered 504: a proxy in front of it got no answer from it in time. See that it runs there, and that --url is right.`,
        'The service answers again; going on.',
      ])
    } finally {
      await proxy.close()
    }
  })

  it('does not wait for longer where nobody ever listens, or a proxy never reaches it', async () => {
    const nobody = `http://127.0.0.1:${await freePort()}`
    const path = file('nobody.ndjson', many(1))
    const proxies = await Promise.all(
      ([502, 503] as const).map((status) => disturbingProxy(nobody, () => 'none', { unreached: () => status })),
    )
    try {
      const urls = [nobody, ...proxies.map(({ url }) => url)]
      const ended = await Promise.all(urls.map((url) => run([path, '--url', url])))
      for (const [index, reason] of [
        'cannot be reached: .* ECONNREFUSED .*',
        'answered 502: a proxy in front of it does not reach it',
        'answered 503: a proxy in front of it sends nothing on to it',
      ].entries()) {
        const { code, stderr } = ended[index] as Ended
        const problem = `The service at ${urls[index]} ${reason}\\. See that it runs there, and that --url is right\\.`
        expect([code, ...stderr.trimEnd().split('\n')]).toEqual([
          3,
          expect.stringMatching(`^Waiting for the service, for up to 30 seconds\\. ${problem}$`),
          expect.stringMatching(`^Stopped at line 1: ${problem}$`),
        ])
      }
    } finally {
      for (const proxy of proxies) await proxy.close()
    }
  })

  it('ends with 2 where the command line is wrong, and shows no key', async () => {
    const path = file('usage.ndjson', many(1))
    for (const [args, environment] of [
      [['--url', service.url], { METERBOOK_API_KEY: '' }],
      [['--url', service.url, '--api-key', 'sk_test_secret key'], {}],
      [['--url', 'ftp://127.0.0.1'], {}],
      [['--url', 'nonsense'], {}],
      [['--url', service.url, '--data-dir', dataDir], {}],
      [['--url', service.url, '--mode', 'live'], {}],
      [['--api-key', 'sk_test_secret'], {}],
    ] as [string[], Record<string, string>][]) {
      const ended = await run([path, ...args], environment)
      expect([args, ended.code, ended.stdout]).toEqual([args, 2, ''])
      expect(ended.stderr).not.toContain('sk_test_secret')
    }
  })

  it('is what an import on a folder in use is told of, which leaves the folder alone', async () => {
    const { event_name } = await createMeter(service.stripe)
    const { code, stderr } = await run([file('usage.ndjson', many(1, event_name)), '--data-dir', dataDir])
    expect(code).toBe(3)
    for (const advice of ['stop the service', '--url']) expect(stderr).toContain(advice)
    expect(await exported(event_name)).toEqual([])
  })
})
