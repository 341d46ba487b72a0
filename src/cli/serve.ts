/** `meterbook serve`: the service, with its most used settings as options over the environment. */
import { Command } from 'commander'

interface ServeOptions {
  readonly host?: string
  readonly port?: string
  readonly dataDir?: string
  readonly eventStoreUrl?: string
  readonly logLevel?: string
}

const HELP = `
Settings without an option, from the environment: READ_MODEL_URL, BOOTSTRAP_API_KEY, SESSION_SECRET,
RATE_LIMIT_EVENTS_PER_SECOND, RATE_LIMIT_REQUESTS_PER_SECOND, METRICS_PORT, METRICS_HOST. README.md says what they mean.

Exit codes: 0 stopped as told, 1 it could not start, or could not stop cleanly, 2 the command line or a setting is wrong.`

export function serveCommand(): Command {
  return new Command('serve')
    .description('Run the service until SIGTERM or Ctrl-C.')
    .option('--host <address>', 'address to listen on (HOST; default 127.0.0.1)')
    .option('--port <number>', 'port to listen on, 0 for any free one (PORT; default 4242)')
    .option('--data-dir <folder>', 'folder of the embedded files (DATA_DIR; default ./data)')
    .option('--event-store-url <url>', 'embedded: or esdb://… (EVENT_STORE_URL; default embedded:)')
    .option('--log-level <level>', 'fatal, error, warn, info, debug, trace or silent (LOG_LEVEL; default info)')
    .addHelpText('after', HELP)
    .action(async ({ host, port, dataDir, eventStoreUrl, logLevel }: ServeOptions) => {
      // Only this command needs the whole service; the others start in half the time without it.
      const { serve } = await import('../serve.js')
      await serve({
        ...(host !== undefined && { HOST: host }),
        ...(port !== undefined && { PORT: port }),
        ...(dataDir !== undefined && { DATA_DIR: dataDir }),
        ...(eventStoreUrl !== undefined && { EVENT_STORE_URL: eventStoreUrl }),
        ...(logLevel !== undefined && { LOG_LEVEL: logLevel }),
      })
    })
}
