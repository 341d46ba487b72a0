/** `meterbook serve`: the service, with its most used settings as options over the environment. */
import { Command } from 'commander';
export function serveCommand() {
    return new Command('serve')
        .description('Run the service until SIGTERM or Ctrl-C.')
        .option('--host <address>', 'address to listen on (HOST; default 127.0.0.1)')
        .option('--port <number>', 'port to listen on, 0 for any free one (PORT; default 4242)')
        .option('--data-dir <folder>', 'folder of the embedded files (DATA_DIR; default ./data)')
        .option('--event-store-url <url>', 'embedded: or esdb://… (EVENT_STORE_URL; default embedded:)')
        .option('--log-level <level>', 'fatal, error, warn, info, debug, trace or silent (LOG_LEVEL; default info)')
        .action(async ({ host, port, dataDir, eventStoreUrl, logLevel }) => {
        // Only this command needs the whole service; the others start in half the time without it.
        const { serve } = await import('../serve.js');
        await serve({
            ...(host !== undefined && { HOST: host }),
            ...(port !== undefined && { PORT: port }),
            ...(dataDir !== undefined && { DATA_DIR: dataDir }),
            ...(eventStoreUrl !== undefined && { EVENT_STORE_URL: eventStoreUrl }),
            ...(logLevel !== undefined && { LOG_LEVEL: logLevel }),
        });
    });
}
//# sourceMappingURL=serve.js.map