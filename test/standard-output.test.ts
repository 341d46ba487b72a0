/** A service whose log lines cannot be written. `/dev/full` stands for a file on a full disk, `sleep` for a reader that reads nothing. */
import { expect, it } from '@jest/globals'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as delay } from 'node:timers/promises'
import { ApiClient } from './api-client.js'
import { freePort } from './free-port.js'
import { TEST_KEY } from './running-service.js'
import { beginServiceProcess } from './service-process.js'

const ASK_AGAIN_MS = 20
/** Each is a line of some 200 characters. */
const REQUESTS_THAT_FILL_A_PIPE = 600

it.each([
  ['on a full disk', '>/dev/full 2>&1', 1],
  ['into a pipe that nobody reads', '> >(exec sleep 30 >/dev/null 2>&1)', REQUESTS_THAT_FILL_A_PIPE],
])(
  'starts, answers, and stops when it is told to, with its log %s',
  async (_, redirection, requests) => {
    const dataDir = mkdtempSync(join(tmpdir(), 'meterbook-unlogged-'))
    const port = await freePort()
    const environment = {
      DATA_DIR: dataDir,
      PORT: String(port),
      BOOTSTRAP_API_KEY: TEST_KEY,
      LOG_LEVEL: 'debug',
    }
    const run = beginServiceProcess(environment, (command) => [
      'bash',
      '-c',
      `exec "$@" ${redirection}`,
      'bash',
      ...command,
    ])
    const api = new ApiClient(port, TEST_KEY)
    try {
      const isReady = () =>
        api.get('/readyz').then(
          ({ status }) => status === 200,
          () => false,
        )
      while (!(await isReady())) await delay(ASK_AGAIN_MS)
      const form = { display_name: 'Tokens', event_name: 'tokens', 'default_aggregation[formula]': 'sum' }
      expect((await api.post('/v1/billing/meters', form)).status).toBe(200)
      for (let sent = 0; sent < requests; sent++) expect((await api.post('/v1/billing/meters', form)).status).toBe(400)
      expect(await run.end('SIGTERM')).toMatchObject({ code: 0, signal: null })
    } finally {
      api.close()
      await run.end('SIGKILL')
      rmSync(dataDir, { recursive: true })
    }
  },
  30_000,
)
