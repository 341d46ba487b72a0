/**
 * The examples of the README and of docs/, run as they stand against a running service: what they say they print is what they
 * print.
 */
import { afterAll, beforeAll, expect, it, test } from '@jest/globals'
import { execFile, spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import { NOW } from './controls.js'
import { FixedClock, onEachStore, TEST_KEY, type RunningService } from './running-service.js'

const root = dirname(dirname(fileURLToPath(import.meta.url)))
const readme = readFileSync(join(root, 'README.md'), 'utf8')
const run = promisify(execFile)

interface CodeBlock {
  /** What follows the opening fence: language and, where it is to be run, how. */
  readonly info: string
  readonly code: string
}

function codeBlocksOf(page: string): CodeBlock[] {
  return [...page.matchAll(/^```(.*)\n([\s\S]*?)^```$/gm)].map(([, info = '', code = '']) => ({ info, code }))
}

const codeBlocks: readonly CodeBlock[] = codeBlocksOf(readme)
const programs = new Set(codeBlocks.flatMap(({ info }) => /^js run=(\S+)$/.exec(info)?.[1] ?? []))
const scripts = codeBlocks.filter(({ info }) => info === 'sh run').map(({ code }) => code)

const docs = readdirSync(join(root, 'docs'))
  .filter((file) => file.endsWith('.md'))
  .map((file) => ({ file, blocks: codeBlocksOf(readFileSync(join(root, 'docs', file), 'utf8')) }))
const docsScripts = docs.flatMap(({ file, blocks }) =>
  blocks.filter(({ info }) => info === 'sh run').map(({ code }) => [file, code] as const),
)

/** The lines a program should print, by its comments: `// a, then: b` is two lines. */
function expectedLines(program: string): string[] {
  const comments = [...program.matchAll(/console\.log\(.*\)\s*\/\/ (.*)$/gm)].map(([, comment = '']) => comment)
  return comments.flatMap((comment) => comment.split(', then: '))
}

/** The texts a script should print, in this order, by its comments `# → text`. */
function expectedTexts(script: string): string[] {
  return [...script.matchAll(/^# → (.*)$/gm)].map(([, text = '']) => text)
}

function isInstalled(command: string): boolean {
  return spawnSync(command, ['--version']).status === 0
}

function expectInOrder(output: string, texts: readonly string[]): void {
  expect(texts).not.toHaveLength(0)
  let from = 0
  for (const text of texts) {
    expect(output.slice(from)).toContain(text)
    from = output.indexOf(text, from) + text.length
  }
}

test('The README sets up with exactly two commands, its first two code blocks, of one line each', () => {
  const setUps = codeBlocks.filter(({ code }) => code.includes('npm ci'))
  expect(setUps).toEqual(codeBlocks.slice(0, 2))
  expect(setUps).toEqual([
    { info: 'sh', code: 'npm ci && npm run build && npm start\n' },
    { info: 'sh', code: 'npm ci && npm test\n' },
  ])
})

test('The README shows the program that the service prints at its first start', () => {
  const [first] = codeBlocks.filter(({ info }) => info === 'js run=first.mjs')
  const printed = readFileSync(join(root, 'src/serve.ts'), 'utf8')
  const lines = (first?.code ?? '').split('\n').filter((line) => line !== '' && !line.includes('new Stripe('))
  expect(lines.length).toBeGreaterThan(10)
  for (const line of lines) expect(printed).toContain(`  ${line}`)
})

test('Every file the README links to is there', () => {
  const links = [...readme.matchAll(/\]\(([^)#:]+)(?:#[^)]*)?\)/g)].map(([, path = '']) => path)
  expect(links.length).toBeGreaterThan(5)
  for (const path of links) expect(() => readFileSync(join(root, path))).not.toThrow(/ENOENT/)
})

test('Every curl command of the docs is one that is run', () => {
  const commands = docs.flatMap(({ blocks }) => blocks.filter(({ code }) => /^curl /m.test(code)))
  expect(commands.length).toBeGreaterThan(1)
  expect(commands.filter(({ info }) => info !== 'sh run')).toEqual([])
})

onEachStore('The examples of the README', (start) => {
  let service: RunningService
  let folder: string
  beforeAll(async () => {
    service = await start(new FixedClock())
    folder = mkdtempSync(join(tmpdir(), 'meterbook-readme-'))
    symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'), 'junction')
  })
  afterAll(async () => {
    await service.close()
    rmSync(folder, { recursive: true })
  })

  /** Nothing else is changed in an example. */
  function addressed(code: string): string {
    return code
      .replaceAll('sk_test_YOUR_KEY', TEST_KEY)
      .replaceAll('127.0.0.1:4242', `127.0.0.1:${service.port}`)
      .replaceAll('port: 4242', `port: ${service.port}`)
  }

  async function runScript(script: string): Promise<string> {
    // The service's clock stands still, so the script's must stand at the same instant.
    const clock = `date() { echo ${NOW / 1000}; }`
    const { stdout } = await run('sh', ['-eu', '-c', `${clock}\n${addressed(script)}`], {
      cwd: root,
      env: { ...process.env, HOME: folder, XDG_CONFIG_HOME: folder, STRIPE_CLI_TELEMETRY_OPTOUT: '1' },
    })
    return stdout
  }

  it.each([...programs])('%s prints what its comments say', async (name) => {
    const program = codeBlocks
      .filter(({ info }) => info === `js run=${name}`)
      .map(({ code }) => code)
      .join('\n')
    const lines = expectedLines(program)
    expect(lines).not.toHaveLength(0)
    const file = join(folder, name)
    writeFileSync(file, addressed(program))
    const { stdout } = await run(process.execPath, ['--import', `data:text/javascript,Date.now=()=>${NOW}`, file])
    expect(stdout.trimEnd().split('\n')).toEqual(lines)
  })

  const [withCurl = '', withCli = ''] = scripts
  const itWithCurl = isInstalled('curl') ? it : it.skip
  const itWithCli = isInstalled(join(root, 'node_modules/.bin/stripe')) ? it : it.skip

  itWithCurl('The curl commands answer what their comments say', async () => {
    expect(withCurl).toContain('curl -s')
    expectInOrder(await runScript(withCurl), expectedTexts(withCurl))
  })

  if (isInstalled('curl')) {
    it.each(docsScripts)('The commands of docs/%s answer what their comments say', async (_, script) => {
      expectInOrder(await runScript(script), expectedTexts(script))
    })
  }

  itWithCli('The Stripe CLI commands answer what their comments say', async () => {
    expect(withCli).toContain('npx stripe')
    expectInOrder(await runScript(withCli), expectedTexts(withCli))
  })
})
