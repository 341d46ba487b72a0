#!/usr/bin/env node
/**
 * `meterbook`: runs the service, manages its API keys, moves usage and logs, and proves its numbers. Settings come from
 * the same environment variables as the service's. Exit codes: 0 done; 1 the command's own bad news, such as what an audit
 * found, and nothing else; 2 the command line or a setting is wrong; 3 it could not be carried out.
 */
import { readFileSync } from 'node:fs'
import { Command, CommanderError } from 'commander'
import { ConfigError } from '../config.js'
import { DomainError } from '../domain/errors.js'
import { auditCommand } from './audit.js'
import { copyCommand } from './copy.js'
import { digestCommand } from './digest.js'
import { exportCommand } from './export.js'
import { importCommand } from './import.js'
import { keysCommand } from './keys.js'
import { printable } from './printable.js'
import { rebuildCommand } from './rebuild.js'
import { serveCommand } from './serve.js'

const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string
}

// What is made is its owner's alone, whatever may be read of the folder it is in.
process.umask(0o077)

const program = new Command('meterbook')
  .description("Self-hosted usage metering with Stripe's Billing Meters API.")
  .version(version)
  .addCommand(serveCommand())
  .addCommand(keysCommand())
  .addCommand(importCommand())
  .addCommand(exportCommand())
  .addCommand(copyCommand())
  .addCommand(digestCommand())
  .addCommand(auditCommand())
  .addCommand(rebuildCommand())
  .showHelpAfterError('(add --help for what there is)')
  .configureHelp({ showGlobalOptions: true })
  .hook('preAction', (_, command) => {
    refuseEmptyOptions(command)
    if (command.name() === 'serve') return
    // Node ends with 1 on what nobody caught, output that nobody reads included.
    process.on('uncaughtException', fatal)
    // How far it is, and why it ends: where a terminal was closed, or nobody listens, that keeps it from neither.
    process.stderr.on('error', () => undefined)
  })

for (const command of [program, ...program.commands, ...program.commands.flatMap(({ commands }) => commands)]) {
  command.exitOverride()
}

try {
  await program.parseAsync()
} catch (error) {
  if (error instanceof CommanderError) process.exitCode = error.exitCode === 0 ? 0 : 2
  else if (error instanceof ConfigError || error instanceof DomainError) fail(error.message, 2)
  else fail(error instanceof Error ? error.message : String(error), 3)
}

/** Such as from a shell variable that is not set: the default instead would be another folder, key or ledger than was meant. */
function refuseEmptyOptions(command: Command): void {
  for (const option of command.options) {
    const name = option.attributeName()
    if (command.getOptionValueSource(name) !== 'cli' || command.getOptionValue(name) !== '') continue
    command.error(`${option.long} must not be empty: leave it out, or give it a value.`, { exitCode: 2 })
  }
}

function fatal(error: NodeJS.ErrnoException): never {
  const isOutput = error.syscall === 'write'
  process.stderr.write(
    isOutput ? `Its output cannot be written: ${error.message}.\n` : `${error.stack ?? error.message}\n`,
  )
  process.exit(3)
}

function fail(message: string, exitCode: number): void {
  process.stderr.write(`${printable(message)}\n`)
  process.exitCode = exitCode
}
