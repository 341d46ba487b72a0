/** docs/digest.sh: the digest as an outsider computes it. */
import { spawnSync } from 'node:child_process'
import { fileURLToPath } from 'node:url'
import type { LedgerName } from '../../src/domain/ledger.js'
import { recordsWriter } from '../../src/cli/export-format.js'
import { MeterCatalogues } from '../../src/commands/meter-catalogues.js'
import type { EventStore } from '../../src/event-store/event-store.js'
import { exportUsage, surveyExport } from '../../src/queries/export-usage.js'
import { randomUUID } from 'node:crypto'

const SCRIPT = fileURLToPath(new URL('../../docs/digest.sh', import.meta.url))

const NONE = 'e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855'

/** Of the text of `meterbook export --format records`. Of an empty one it says only what the digest of none is. */
export function scriptDigest(records: string, sequence: number | null = null): string {
  if (spawnSync('jq', ['--version']).status !== 0) {
    throw new Error('docs/digest.sh needs jq, which is not installed: apt-get install jq')
  }
  const { status, stdout, stderr } = runScript(records, sequence)
  if (records === '' && status === 1 && stdout === '' && stderr.includes(NONE)) return NONE
  if (status !== 0) throw new Error(`docs/digest.sh failed: ${stderr}`)
  return stdout.trim()
}

export function runScript(
  input: string,
  sequence: number | string | null = null,
  PATH = process.env['PATH'],
): { readonly status: number | null; readonly stdout: string; readonly stderr: string } {
  const parameters = sequence === null ? [] : [String(sequence)]
  return spawnSync(SCRIPT, parameters, { input, encoding: 'utf8', maxBuffer: 2 ** 28, env: { PATH } })
}

/** What `meterbook export --format records` prints. */
export async function exportedRecords(
  store: EventStore,
  ledger: LedgerName,
  customer: string | null = null,
): Promise<string> {
  const { meters } = await new MeterCatalogues(store, () => randomUUID()).latest(ledger)
  const selection = { ledger, meters, customer, from: null, to: null, includeCancelled: true }
  const survey = await surveyExport(store, selection, false)
  let text = ''
  for await (const records of exportUsage(store, selection, survey)) {
    text += records.map((record) => recordsWriter.line(record)).join('')
  }
  return text
}
