export const logLevels = ['fatal', 'error', 'warn', 'info', 'debug', 'trace', 'silent'];
/** Far above what one process takes. */
const RATE_PER_SECOND_MAX = 1_000_000;
export class ConfigError extends Error {
    name = 'ConfigError';
}
/** @throws ConfigError */
export function readConfig(environment) {
    const text = (name, otherwise) => {
        const value = environment[name];
        return value === undefined || value === '' ? otherwise : value;
    };
    return {
        host: text('HOST', '127.0.0.1'),
        port: readPort(text('PORT', '4242')),
        dataDir: text('DATA_DIR', './data'),
        eventStoreUrl: readUrl('EVENT_STORE_URL', text('EVENT_STORE_URL', 'embedded:'), ['esdb:', 'esdb+discover:']),
        readModelUrl: readUrl('READ_MODEL_URL', text('READ_MODEL_URL', 'embedded:'), []),
        bootstrapApiKey: readBootstrapApiKey(text('BOOTSTRAP_API_KEY', '')),
        logLevel: readLogLevel(text('LOG_LEVEL', 'info')),
        rateLimits: {
            eventsPerSecond: readRate('RATE_LIMIT_EVENTS_PER_SECOND', text('RATE_LIMIT_EVENTS_PER_SECOND', '')),
            requestsPerSecond: readRate('RATE_LIMIT_REQUESTS_PER_SECOND', text('RATE_LIMIT_REQUESTS_PER_SECOND', '')),
        },
    };
}
/** `url` comes from the command line, the key from there or from METERBOOK_API_KEY. @throws ConfigError */
export function readServiceAccess(url, environment) {
    const parsed = URL.canParse(url) ? new URL(url) : null;
    if (!parsed || !['http:', 'https:'].includes(parsed.protocol) || parsed.username !== '' || parsed.search !== '') {
        throw new ConfigError('--url must be the address of a service, such as http://127.0.0.1:4242.');
    }
    const apiKey = environment.METERBOOK_API_KEY ?? '';
    if (!/^[\x21-\x7e]{1,255}$/.test(apiKey)) {
        throw new ConfigError('METERBOOK_API_KEY must be a secret key of the service that --url names; or give --api-key.');
    }
    return { url: `${parsed.origin}${parsed.pathname.replace(/\/+$/, '')}`, apiKey };
}
function readPort(text) {
    const port = Number(text);
    if (/^\d{1,5}$/.test(text) && port <= 65_535)
        return port;
    throw new ConfigError(`PORT must be a number from 0 to 65535, not ${JSON.stringify(text)}.`);
}
/** The value itself is not repeated: it may hold a password. */
function readUrl(name, text, schemes) {
    if (text === 'embedded:')
        return text;
    if (schemes.some((scheme) => text.startsWith(`${scheme}//`) && text.length > scheme.length + 2))
        return text;
    const expected = ['embedded:', ...schemes.map((scheme) => `${scheme}//…`)].join(' or ');
    throw new ConfigError(`${name} must be ${expected}.`);
}
function readBootstrapApiKey(text) {
    if (text === '')
        return null;
    if (/^sk_(test|live)_[A-Za-z0-9_]{8,247}$/.test(text))
        return text;
    throw new ConfigError('BOOTSTRAP_API_KEY must begin with sk_test_ or sk_live_ and go on with at least 8 letters, digits or _.');
}
function readLogLevel(text) {
    const level = logLevels.find((known) => known === text);
    if (level)
        return level;
    throw new ConfigError(`LOG_LEVEL must be one of ${logLevels.join(', ')}, not ${JSON.stringify(text)}.`);
}
function readRate(name, text) {
    if (text === '')
        return null;
    const rate = Number(text);
    if (/^\d{1,7}$/.test(text) && rate >= 1 && rate <= RATE_PER_SECOND_MAX)
        return rate;
    throw new ConfigError(`${name} must be a whole number from 1 to ${RATE_PER_SECOND_MAX}, or be left out for no limit, not ${JSON.stringify(text)}.`);
}
//# sourceMappingURL=config.js.map