/** `meterbook rebuild --url`: through a service that runs, and through one that is disturbed. */
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { createServer, request } from 'node:http'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { TEST_KEY } from '../running-service.js'
import { startServiceProcess, type ServiceProcess } from '../service-process.js'
import { makeStore, start, type Ended } from './command-line.js'
import { disturbingProxy, type Disturbance } from './disturbing-proxy.js'

// Each test starts several processes.
jest.setTimeout(60_000)

let dataDir: string
let service: ServiceProcess

beforeAll(async () => {
  dataDir = mkdtempSync(join(tmpdir(), 'meterbook-'))
  await makeStore(dataDir, [{ eventName: 'tokens' }])
  service = await startServiceProcess({
    DATA_DIR: dataDir,
    LOG_LEVEL: 'warn',
    RATE_LIMIT_REQUESTS_PER_SECOND: '1',
  })
})
afterAll(async () => {
  await service.end('SIGKILL')
  rmSync(dataDir, { recursive: true })
})

async function run(args: readonly string[], environment: Record<string, string> = {}): Promise<Ended> {
  const { child, ended } = start(['rebuild', ...args], { METERBOOK_API_KEY: TEST_KEY, ...environment })
  child.stdin.end()
  return ended
}

it('is followed to its end whatever limit the service sets', async () => {
  const { code, stdout, stderr } = await run(['meters', 'usage-cells', '--url', `${service.url}/`])
  const shown = (await run(['meters', '--url', service.url, '--json'])).stdout
  expect(JSON.parse(shown)).toEqual({
    rebuilds: [
      {
        difference_count: 0,
        differences: [],
        elapsed_seconds: expect.any(Number),
        failure: null,
        id: expect.any(String),
        projections: ['meters'],
        rows: 1,
        sequence: 0,
        status: 'completed',
        waiting_reason: null,
        wanted_rows: 1,
        wanted_sequence: 0,
      },
    ],
  })
  expect(code).toBe(0)
  // How far it is, if it was seen on the way, and nothing else.
  expect(stderr).toMatch(/^(\d+ (usage events? folded|rows? compared).*\n)*$/)
  expect(stdout).toMatch(/^meters: 1 row compared in .*, every row is as it was\.\nusage-cells: 0 rows compared/)
})

it('is followed through a service that is busy or breaks off, or that a proxy does not reach', async () => {
  const away = [{ unreached: 502 }, { unreached: 504 }, { unreached: 503 }] as const
  const disturbances: Disturbance[] = [503, away[0], 'none', 'cut before', 429, ...away, 'none']
  const proxy = await disturbingProxy(service.url, (request) => disturbances[request - 1] ?? 'none')
  try {
    expect(await run(['meters', '--url', proxy.url, '--quiet'])).toEqual({ code: 0, stdout: '', stderr: '' })
    expect(proxy.requests).toBeGreaterThanOrEqual(disturbances.length)
  } finally {
    await proxy.close()
  }
})

it.each<[lost: string, disturbance: Disturbance]>([
  ['is lost', 'cut after'],
  ['takes longer than a proxy waits', 'timed out'],
  ['has to wait for an earlier try of it', 'in use'],
])('is done once, and followed, where the answer to its request %s', async (_, disturbance) => {
  const own = mkdtempSync(join(tmpdir(), 'meterbook-'))
  await makeStore(own, [{ eventName: 'tokens' }])
  const keeping = await startServiceProcess({ DATA_DIR: own, LOG_LEVEL: 'warn' })
  const proxy = await disturbingProxy(keeping.url, (request) => {
    if (disturbance === 'timed out') process.kill(keeping.pid, request === 1 ? 'SIGSTOP' : 'SIGCONT')
    return request === 1 ? disturbance : 'none'
  })
  try {
    // Beside the tables that one keeps, a second one that is to keep any fails.
    const { code, stdout, stderr } = await run(['meters', '--url', proxy.url, '--keep', '--json', '--quiet'])
    expect([code, stderr]).toEqual([0, ''])
    expect(JSON.parse(stdout)).toMatchObject({ rebuilds: [{ projections: ['meters'], status: 'completed' }] })
  } finally {
    await proxy.close()
    await keeping.end('SIGKILL')
    rmSync(own, { recursive: true })
  }
})

it('tells of those that are done where a later one is refused', async () => {
  const proxy = await disturbingProxy(service.url, (_, path) => (path.includes('usage-cells') ? 403 : 'none'))
  try {
    for (const json of [[], ['--json']]) {
      const { code, stdout, stderr } = await run(['meters', 'usage-cells', '--url', proxy.url, '--quiet', ...json])
      expect([code, stderr]).toEqual([3, expect.stringContaining('answered 403: Please try again.')])
      const done = { projections: ['meters'], status: 'completed' }
      if (json.length > 0) expect(JSON.parse(stdout)).toMatchObject({ rebuilds: [done] })
    }
    expect((await run(['meters', 'usage-cells', '--url', proxy.url])).stdout).toMatch(
      /^meters: 1 row compared in .*\n$/,
    )
  } finally {
    await proxy.close()
  }
})

it('says that it waits, and why, and that it goes on', async () => {
  const disturbances: Disturbance[] = [503, 503, 'cut before', 'none']
  const proxy = await disturbingProxy(service.url, (request) => disturbances[request - 1] ?? 'none')
  try {
    const { code, stderr } = await run(['meters', '--url', proxy.url])
    expect(code).toBe(0)
    expect(stderr.split('\n').filter((line) => /^(Waiting|The service)/.test(line))).toEqual([
      `Waiting for the service, for up to 5 minutes. The service at ${proxy.url} answered 503: Please try again.`,
      'The service answers again; going on.',
    ])
  } finally {
    await proxy.close()
  }
})

it('takes no other rebuild for its own that the service tells of by then', async () => {
  const path = '/meterbook/v1/projections/meters'
  let isOther = false
  const proxy = await disturbingProxy(service.url, async (_, asked): Promise<Disturbance> => {
    // As soon as it is over.
    while (asked === path && !isOther) isOther = (await service.api.post(`${path}/rebuild`, {})).status === 202
    return 'none'
  })
  try {
    const { code, stdout, stderr } = await run(['meters', '--url', proxy.url, '--quiet'])
    expect({ code, stdout }).toEqual({ code: 3, stdout: '' })
    expect(stderr).toContain('The service tells of another rebuild by now, which was asked for later.')
  } finally {
    await proxy.close()
  }
})

it('is followed where a balancer leads to several services in turn, of which one knows of it', async () => {
  const otherDir = mkdtempSync(join(tmpdir(), 'meterbook-'))
  await makeStore(otherDir, [{ eventName: 'tokens' }])
  const other = await startServiceProcess({ DATA_DIR: otherDir, LOG_LEVEL: 'warn' })
  let requests = 0
  const balancer = createServer((near, answer) => {
    const { port } = requests++ % 2 === 0 ? other : service
    const far = request({ port, method: near.method, path: near.url, headers: near.headers }, (answered) => {
      answer.writeHead(answered.statusCode ?? 502, answered.headers)
      answered.pipe(answer)
    })
    near.pipe(far)
  }).listen(0, '127.0.0.1')
  await once(balancer, 'listening')
  const url = `http://127.0.0.1:${(balancer.address() as AddressInfo).port}`
  try {
    const { code, stdout } = await run(['usage-marks', '--url', url, '--json'])
    expect([code, JSON.parse(stdout)]).toMatchObject([0, { rebuilds: [{ status: 'completed' }] }])
    // Asked of the one, looked for at the other.
    expect(requests).toBeGreaterThan(2)
  } finally {
    balancer.closeAllConnections()
    balancer.close()
    await other.end('SIGKILL')
    rmSync(otherDir, { recursive: true })
  }
})

it('says who goes on where it is interrupted', async () => {
  // Asked how far it is, the service is busy for good.
  const proxy = await disturbingProxy(service.url, (request) => (request === 1 ? 'none' : 503))
  try {
    const { child, ended } = start(['rebuild', 'meters', '--url', proxy.url], { METERBOOK_API_KEY: TEST_KEY })
    await once(child.stderr, 'data')
    child.kill('SIGTERM')
    expect(await ended).toMatchObject({
      code: 130,
      stdout: '',
      stderr: expect.stringMatching(/\nInterrupted; the service goes on with what was begun\.\n$/) as unknown,
    })
  } finally {
    await proxy.close()
  }
})

it('takes the key by the names it had', async () => {
  const byKey = await run(['meters', '--url', service.url, '--key', TEST_KEY], { METERBOOK_API_KEY: '' })
  expect(byKey).toMatchObject({ code: 0 })
  const { child, ended } = start(['rebuild', 'meters', '--url', service.url], { METERBOOK_KEY: TEST_KEY })
  child.stdin.end()
  expect(await ended).toMatchObject({ code: 0 })
})

it('ends with 3 where it cannot be carried out, and says why', async () => {
  const nobody = await run(['--url', 'http://127.0.0.1:9'])
  expect([nobody.code, nobody.stderr]).toEqual([3, expect.stringContaining('http://127.0.0.1:9 cannot be reached: ')])
  const stranger = await run(['--url', service.url], { METERBOOK_API_KEY: 'sk_test_unknown_key' })
  expect([stranger.code, stranger.stderr]).toEqual([3, expect.stringContaining('answered 401: Invalid API Key')])
})

it('ends with 2 where the command line is wrong, and shows no key', async () => {
  for (const args of [
    ['--url', 'nonsense'],
    ['--url', 'ftp://127.0.0.1'],
    ['--url', service.url, '--api-key', ''],
    ['--url', service.url, '--api-key', 'sk_test_secret key'],
    ['--url', service.url, '--data-dir', dataDir],
    ['--url', service.url, '--drop-kept'],
    ['--data-dir', dataDir, '--api-key', 'sk_test_secret'],
    ['--data-dir', dataDir, '--key', 'sk_test_secret'],
  ]) {
    const ended = await run(args)
    expect([args, ended.code, ended.stdout]).toEqual([args, 2, ''])
    expect(ended.stderr).not.toContain('sk_test_secret')
  }
})
