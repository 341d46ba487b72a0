/**
 * `meterbook keys`: issues, lists and revokes API keys by appending to the store itself, whether the service runs or not.
 * A running service notices within a moment.
 */
import { Command, Option } from 'commander'
import { ApiKeyRing } from '../commands/api-key-ring.js'
import { randomIds, systemClock } from '../commands/environment.js'
import { issueApiKey } from '../commands/issue-api-key.js'
import { readConfig } from '../config.js'
import { KEY_NAME_LENGTH_MAX, keyRoles, type ApiKey, type KeyRole } from '../domain/api-keys.js'
import { DomainError } from '../domain/errors.js'
import type { Mode } from '../domain/ledger.js'
import type { RequestContext } from '../event-store/transact.js'
import { isLongerThan } from '../domain/text.js'
import { EXIT_CODES, placeOptions, storeOverrides, type PlaceOptions } from './ledger-options.js'
import { printable, printableLine } from './printable.js'
import { openLog, requireEventLog } from './write-side.js'

interface KeysOptions extends PlaceOptions {
  readonly json?: true
}

interface CreateOptions extends KeysOptions {
  readonly account: string
  readonly mode: Mode
  readonly role: KeyRole
  readonly name: string
}

/** Longer than a command's reads and an append are tried, one after the other: it ends with what became of them. */
const SETTLE_WITHIN_MS = 90_000

const context: RequestContext = { requestId: 'cli', actor: 'system', idempotency: null }
/** What all of them take. */
const commonOptions = (command: Command): Command =>
  placeOptions(command).option('--json', 'print JSON').addHelpText('after', `\n${EXIT_CODES}`)

export function keysCommand(): Command {
  const keys = new Command('keys').description('Issue, list and revoke API keys.')
  const create = keys
    .command('create')
    .description('Issue a key. It is printed once and stored as a hash only.')
    .option('--account <name>', 'account whose ledger the key opens', 'default')
    .addOption(new Option('--mode <mode>', 'test or live ledger').choices(['test', 'live']).default('test'))
    .addOption(
      new Option('--role <role>', 'secret: everything; ingest: report and cancel usage; read: only read')
        .choices([...keyRoles])
        .default('secret'),
    )
    .option('--name <text>', 'what the key is for', '')
    .action((options: CreateOptions) => createKey(options))
  const list = keys
    .command('list')
    .description('List all keys, revoked ones included. Keys themselves are not stored.')
    .action((options: KeysOptions) => listKeys(options))
  const revoke = keys
    .command('revoke')
    .description('Revoke a key by its id. Revoking it again changes nothing.')
    .argument('<key id>', 'as `keys list` shows it: key_…')
    .action((keyId: string, options: KeysOptions) => revokeKey(keyId, options))
  for (const command of [create, list, revoke]) commonOptions(command)
  return keys
}

async function createKey({ json: asJson, dataDir, eventStoreUrl, ...wanted }: CreateOptions): Promise<void> {
  if (isLongerThan(wanted.name, KEY_NAME_LENGTH_MAX)) {
    throw new DomainError('parameter_too_long', `A key's name has at most ${KEY_NAME_LENGTH_MAX} characters.`, 'name')
  }
  if (printableLine(wanted.name) !== wanted.name) {
    throw new DomainError('parameter_invalid', "A key's name is one line without control characters.", 'name')
  }
  await withKeyRing({ dataDir, eventStoreUrl }, async (ring) => {
    const { apiKey, key } = await issueApiKey(ring, wanted, { clock: systemClock, ids: randomIds }, context)
    const { keyId, ledger, role } = apiKey
    const text = asJson
      ? JSON.stringify({ ...shown(apiKey, null), key })
      : `${key}\n\nThis is the only time it is shown. Key id: ${keyId} (${ledger}, ${role}).`
    await printOrFail(
      text,
      `Key ${keyId} was issued all the same, and nobody has it. Revoke it: meterbook keys revoke ${keyId}`,
    )
  })
}

async function listKeys({ json: asJson, ...place }: KeysOptions): Promise<void> {
  await withKeyRing(place, async (ring) => {
    const { keys } = await ring.stream.read()
    const all = [...keys.values()].map((key) => shown(key, key.revokedAt))
    if (asJson) return print(printable(JSON.stringify(all)))
    if (all.length === 0) return print('No keys yet. Issue one with: meterbook keys create')
    const header = {
      id: 'ID',
      key: 'KEY',
      ledger: 'LEDGER',
      role: 'ROLE',
      issued_at: 'ISSUED',
      revoked_at: 'REVOKED',
      name: 'NAME',
    }
    const rows = [header, ...all].map((row) => [
      row.id,
      row.key,
      row.ledger,
      row.role,
      row.issued_at,
      row.revoked_at ?? '-',
      printableLine(row.name),
    ])
    const widths = rows[0]?.map((_, column) => Math.max(...rows.map((row) => row[column]?.length ?? 0))) ?? []
    print(
      rows
        .map((row) =>
          row
            .map((cell, column) => cell.padEnd(widths[column] ?? 0))
            .join('  ')
            .trimEnd(),
        )
        .join('\n'),
    )
  })
}

async function revokeKey(keyId: string, { json: asJson, ...place }: KeysOptions): Promise<void> {
  await withKeyRing(place, async (ring) => {
    const { state } = await ring.stream.transact({ type: 'RevokeApiKey', keyId, at: systemClock.now() }, context)
    const key = state.keys.get(keyId)
    if (!key) throw new Error(`Key ${keyId} is not in the state its own command left.`)
    print(asJson ? JSON.stringify(shown(key, key.revokedAt)) : `Revoked ${keyId}.`)
  })
}

function shown(key: ApiKey, revokedAt: number | null) {
  return {
    id: key.keyId,
    key: `…${key.lastFour}`,
    ledger: key.ledger,
    role: key.role,
    name: key.name,
    issued_at: new Date(key.issuedAt).toISOString(),
    revoked_at: revokedAt === null ? null : new Date(revokedAt).toISOString(),
  }
}

async function withKeyRing(place: PlaceOptions, work: (ring: ApiKeyRing) => Promise<void>): Promise<void> {
  const config = readConfig({ ...process.env, ...storeOverrides(place) })
  requireEventLog(config)
  const store = await openLog(config)
  try {
    await work(new ApiKeyRing(store, () => randomIds.uuid(), SETTLE_WITHIN_MS))
  } finally {
    await store.close()
  }
}

/** `otherwise`: what whoever gets nothing to read has to know. @throws where it cannot be written. */
async function printOrFail(text: string, otherwise: string): Promise<void> {
  const { stdout } = process
  const failed = await new Promise<Error | null>((resolve) => {
    // Node ends on an error that nobody listens for.
    stdout.once('error', resolve)
    stdout.write(`${text}\n`, (error) => resolve(error ?? null))
  })
  if (failed !== null)
    throw new Error(`Its output cannot be written: ${failed.message}. ${otherwise}`, { cause: failed })
}

function print(text: string): void {
  process.stdout.write(`${text}\n`)
}
