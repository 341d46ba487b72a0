/** Options of the commands that work on one ledger of a store, over the settings of the environment. */
import { Option } from 'commander';
import { parseTimestamp } from '../api/stripe/timestamp.js';
import { isAccountName } from '../domain/ledger.js';
export function storeOptions(command) {
    return command
        .option('--account <name>', 'account whose ledger is meant', 'default')
        .addOption(new Option('--mode <mode>', 'test or live ledger').choices(['test', 'live']).default('test'))
        .option('--data-dir <folder>', 'folder of the embedded files (DATA_DIR; default ./data)')
        .option('--event-store-url <url>', 'embedded: or esdb://… (EVENT_STORE_URL; default embedded:)');
}
/** What `readConfig` reads instead of the environment. */
export function storeOverrides({ dataDir, eventStoreUrl }) {
    return {
        ...(dataDir !== undefined && { DATA_DIR: dataDir }),
        ...(eventStoreUrl !== undefined && { EVENT_STORE_URL: eventStoreUrl }),
    };
}
export function requireAccountName(command, { account }) {
    if (isAccountName(account))
        return;
    command.error(`--account takes 1 to 64 of a-z, 0-9 and _, not ${JSON.stringify(account)}.`, { exitCode: 2 });
}
/** Bounds of a time, milliseconds since the epoch; null where none is given. Ends the command for text that is no time. */
export function readTimes(command, options) {
    const read = (name) => {
        const text = options[name];
        if (text === undefined)
            return null;
        const instant = /^\d{1,12}$/.test(text) ? Number(text) * 1000 : parseTimestamp(text);
        if (instant !== null)
            return instant;
        return command.error(`--${name} takes an RFC 3339 time or whole Unix seconds.`, { exitCode: 2 });
    };
    return { from: read('from'), to: read('to') };
}
//# sourceMappingURL=ledger-options.js.map