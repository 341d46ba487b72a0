/** The ledger that a command line names. A mistyped one has no records, and would agree with itself. */
import type { Command } from 'commander'
import type { Config } from '../config.js'
import { DomainError } from '../domain/errors.js'
import { ledgerName, type LedgerName } from '../domain/ledger.js'
import { EventStoreCorrupt } from '../event-store/event-store.js'
import { metersStream } from '../event-store/streams.js'
import { openReadModel, placeWithoutRows } from '../read-model/open-read-model.js'
import { meters } from '../read-model/tables.js'
import type { StoreOptions } from './ledger-options.js'
import { openLog } from './write-side.js'

/** Whether it names one; else the options have their defaults. */
export function namesLedger(command: Command): boolean {
  return ['account', 'mode'].some((name) => command.getOptionValueSource(name) !== 'default')
}

/** @throws DomainError where it names one that neither the log nor the rows have: which of the two is wrong is for audits. */
export async function requireNamedLedger(command: Command, options: StoreOptions, config: Config): Promise<void> {
  if (!namesLedger(command)) return
  const ledger = ledgerName(options)
  if ((await isInLog(ledger, config)) || (await isInRows(ledger, config))) return
  const { account, mode } = options
  throw new DomainError(
    'resource_missing',
    `There is no ledger of account ${account} in ${mode} mode: no meter was ever created in it.`,
    '--account',
  )
}

async function isInLog(ledger: LedgerName, config: Config): Promise<boolean> {
  const store = await openLog(config)
  try {
    for await (const page of store.readStream(metersStream(ledger), { limit: 1 })) {
      if (page.length > 0) return true
    }
    return false
  } catch (error) {
    // What it has cannot be read.
    if (error instanceof EventStoreCorrupt) return true
    throw error
  } finally {
    await store.close()
  }
}

async function isInRows(ledger: LedgerName, { readModelUrl, dataDir }: Config): Promise<boolean> {
  if ((await placeWithoutRows(readModelUrl, dataDir)) !== null) return false
  const readModel = openReadModel(readModelUrl, dataDir)
  try {
    return (await readModel.range(meters, { index: 'ledger', prefix: [ledger], limit: 1 })).length > 0
  } finally {
    await readModel.close()
  }
}
