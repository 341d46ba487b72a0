/** `--url https://…`: a proxy before the service shows a certificate, which is made here with `openssl`. */
import { afterAll, beforeAll, expect, it, jest } from '@jest/globals'
import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { IMPORT_CALL_EVENTS_MAX } from '../../src/commands/import-usage.js'
import { createMeter } from '../metered-usage.js'
import { TEST_KEY } from '../running-service.js'
import { startServiceProcess, type ServiceProcess } from '../service-process.js'
import { start, type Ended } from './command-line.js'
import { disturbingProxy, type Certificate } from './disturbing-proxy.js'

// Each test starts several processes.
jest.setTimeout(60_000)

const UNKNOWN_AUTHORITY =
  'Its certificate is of no authority that is known here: set NODE_EXTRA_CA_CERTS to a file with the certificate of that authority (PEM).'
const UNKNOWN_CHAIN = `${UNKNOWN_AUTHORITY} If it is a public one, have the server send the certificates in between as well.`

let folder: string
let service: ServiceProcess

beforeAll(async () => {
  folder = mkdtempSync(join(tmpdir(), 'meterbook-'))
  openssl('req', '-x509', ...newKey('authority'), '-out', pem('authority'), '-days', '2')
  service = await startServiceProcess({ DATA_DIR: join(folder, 'data'), LOG_LEVEL: 'warn' })
})
afterAll(async () => {
  await service.end('SIGKILL')
  rmSync(folder, { recursive: true })
})

const pem = (name: string): string => join(folder, `${name}.pem`)
const keyFile = (name: string): string => join(folder, `${name}.key`)

function openssl(...args: readonly string[]): void {
  execFileSync('openssl', args, { stdio: 'pipe' })
}

function newKey(name: string): string[] {
  const kind = ['-newkey', 'ec', '-pkeyopt', 'ec_paramgen_curve:prime256v1', '-nodes']
  return [...kind, '-keyout', keyFile(name), '-subj', `/CN=${name}`]
}

/** Of the authority. `days` −1: it was valid until yesterday. */
function certified(name: string, subjectAltName = 'IP:127.0.0.1', days = 2): Certificate {
  const request = join(folder, `${name}.csr`)
  const extensions = join(folder, `${name}.extensions`)
  writeFileSync(extensions, `subjectAltName=${subjectAltName}\n`)
  openssl('req', '-new', ...newKey(name), '-out', request)
  const authority = ['-CA', pem('authority'), '-CAkey', keyFile('authority'), '-CAcreateserial']
  const wanted = ['-in', request, '-extfile', extensions, '-days', String(days)]
  openssl('x509', '-req', ...wanted, ...authority, '-out', pem(name))
  return stored(name)
}

function selfSigned(name: string): Certificate {
  openssl('req', '-x509', ...newKey(name), '-addext', 'subjectAltName=IP:127.0.0.1', '-out', pem(name), '-days', '2')
  return stored(name)
}

function withAuthority({ cert, key }: Certificate): Certificate {
  return { cert: cert + readFileSync(pem('authority'), 'utf8'), key }
}

function stored(name: string): Certificate {
  return { cert: readFileSync(pem(name), 'utf8'), key: readFileSync(keyFile(name), 'utf8') }
}

/** What NODE_EXTRA_CA_CERTS names: the certificate of this name. */
type Known = string | null

async function run(command: readonly string[], url: string, known: Known): Promise<Ended> {
  const extra: Record<string, string> = known === null ? {} : { NODE_EXTRA_CA_CERTS: pem(known) }
  const { child, ended } = start([...command, '--url', url], { METERBOOK_API_KEY: TEST_KEY, ...extra })
  child.stdin.end()
  return ended
}

function usageFile(eventName: string, count: number): string {
  const path = join(folder, `${eventName}.ndjson`)
  const payload = { stripe_customer_id: 'cus_A', value: '1' }
  const lines = Array.from({ length: count }, (_, n) =>
    JSON.stringify({ event_name: eventName, identifier: `line-${n}`, payload }),
  )
  writeFileSync(path, lines.join('\n'))
  return path
}

it.each<[what: string, make: () => Certificate, known: Known]>([
  ['an authority', () => certified('known'), 'authority'],
  ['an authority that is shown with it', () => withAuthority(certified('known-chain')), 'authority'],
  ['itself', () => selfSigned('known-self'), 'known-self'],
])('reaches a service whose certificate is of %s, named in NODE_EXTRA_CA_CERTS', async (_, make, known) => {
  const { event_name } = await createMeter(service.stripe)
  const proxy = await disturbingProxy(service.url, () => 'none', { certificate: make() })
  try {
    const { code, stdout, stderr } = await run(['import', usageFile(event_name, 3), '--json'], proxy.url, known)
    expect([code, JSON.parse(stdout)]).toMatchObject([0, { counted: 3, stopped: null }])
    expect(stderr).not.toMatch(/certificate/i)
    expect(await run(['rebuild', 'meters', '--quiet'], proxy.url, known)).toEqual({ code: 0, stdout: '', stderr: '' })
  } finally {
    await proxy.close()
  }
})

it.each<[what: string, make: () => Certificate, known: Known, reason: RegExp, advice: string]>([
  ['an unknown authority', () => certified('unknown'), null, /unable to verify the first certificate/, UNKNOWN_CHAIN],
  [
    'an unknown authority that is shown with it',
    () => withAuthority(certified('unknown-chain')),
    null,
    /self-signed certificate in certificate chain/,
    UNKNOWN_AUTHORITY,
  ],
  ['itself', () => selfSigned('self'), 'authority', /self-signed certificate/, UNKNOWN_AUTHORITY],
  [
    'another name',
    () => certified('other', 'DNS:other.example'),
    'authority',
    /.* altnames: .*127\.0\.0\.1.*/,
    'Give the service in --url by a name that its certificate is for.',
  ],
  [
    'yesterday',
    () => certified('yesterday', 'IP:127.0.0.1', -1),
    'authority',
    /certificate has expired/,
    'See to its certificate, and to the clock here.',
  ],
])('ends at once where the certificate is of %s, and says what to do', async (_, make, known, reason, advice) => {
  const proxy = await disturbingProxy(service.url, () => 'none', { certificate: make() })
  try {
    const told = `The service at ${proxy.url} cannot be reached: `
    const imported = await run(['import', usageFile('tokens', 1), '--json'], proxy.url, known)
    const rebuilt = await run(['rebuild', 'meters'], proxy.url, known)
    expect([imported.code, rebuilt.code, rebuilt.stdout]).toEqual([3, 3, ''])
    expect(imported.stderr).toBe(`Stopped at line 1: ${rebuilt.stderr}`)
    // Nothing but this line: it did not wait. Later versions of Node.js say what else may help.
    expect(rebuilt.stderr.slice(0, told.length)).toBe(told)
    expect(rebuilt.stderr.slice(told.length)).toMatch(new RegExp(`^${reason.source}(;.*)?\\. `))
    expect(rebuilt.stderr.endsWith(`. ${advice}\n`)).toBe(true)
    expect(proxy.requests).toBe(0)
  } finally {
    await proxy.close()
  }
})

it('ends where the certificate expires in the middle, and counts each line once when it is run again', async () => {
  const { event_name } = await createMeter(service.stripe)
  const lineCount = 3 * IMPORT_CALL_EVENTS_MAX
  const path = usageFile(event_name, lineCount)
  const [valid, expired] = [certified('valid'), certified('expired', 'IP:127.0.0.1', -1)]
  const proxy = await disturbingProxy(
    service.url,
    (request) => {
      if (request !== 2) return 'none'
      proxy.present(expired)
      return 'cut before'
    },
    { certificate: valid },
  )
  try {
    const stopped = await run(['import', path, '--json'], proxy.url, 'authority')
    expect(stopped.code).toBe(3)
    expect(stopped.stderr).toMatch(/\nStopped at line \d+: .* certificate has expired\. See to its certificate, .*\n$/)
    const { counted } = JSON.parse(stopped.stdout) as { readonly counted: number }
    expect(counted).toBeGreaterThan(0)
    proxy.present(valid)
    const again = await run(['import', path, '--json'], proxy.url, 'authority')
    expect(JSON.parse(again.stdout)).toMatchObject({ counted: lineCount - counted, duplicates: counted, stopped: null })
  } finally {
    await proxy.close()
  }
})

it('ends at once where nobody speaks TLS, and says so', async () => {
  const url = service.url.replace('http:', 'https:')
  const { code, stderr } = await run(['rebuild', 'meters'], url, null)
  const advice = 'It speaks no TLS there: give --url with http://, or the address of the proxy that does.'
  expect([code, stderr]).toEqual([
    3,
    `The service at ${url} cannot be reached: ERR_SSL_WRONG_VERSION_NUMBER. ${advice}\n`,
  ])
})
