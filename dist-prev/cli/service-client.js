/**
 * A running service, as a command reaches it. A request is sent again while the service asks for that (429, 503), or breaks
 * off after it had answered before: only requests that may be repeated belong here.
 */
import { setTimeout as delay } from 'node:timers/promises';
/** One attempt; longer than any wait inside the service. */
const REQUEST_TIMEOUT_MS = 60_000;
/** How long one request is tried. */
const GIVE_UP_AFTER_MS = 5 * 60_000;
const FIRST_WAIT_MS = 250;
/** Between two attempts, whatever the service asks for. */
const WAIT_MAX_MS = 60_000;
const BACKOFF_MAX_MS = 10_000;
/** What the service refused, or that it cannot be reached; with a message for the operator. */
export class ServiceRefusal extends Error {
    name = 'ServiceRefusal';
}
export class ServiceClient {
    url;
    apiKey;
    hasAnswered = false;
    constructor(
    /** Without a slash at the end. */
    url, apiKey) {
        this.url = url;
        this.apiKey = apiKey;
    }
    /** @throws ServiceRefusal */
    async post(path, body) {
        const since = performance.now();
        for (let backoff = FIRST_WAIT_MS;; backoff = Math.min(2 * backoff, BACKOFF_MAX_MS)) {
            const attempt = await this.attempt(path, body);
            if ('answer' in attempt)
                return attempt.answer;
            const wait = Math.min(attempt.afterMs ?? backoff, WAIT_MAX_MS);
            if (performance.now() - since + wait > GIVE_UP_AFTER_MS)
                throw new ServiceRefusal(attempt.problem);
            await delay(wait);
        }
    }
    async attempt(path, body) {
        let response;
        let text;
        try {
            response = await fetch(`${this.url}${path}`, {
                method: 'POST',
                headers: { authorization: `Bearer ${this.apiKey}`, 'content-type': 'application/json' },
                body,
                signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
            });
            text = await response.text();
        }
        catch (error) {
            const problem = `The service at ${this.url} cannot be reached: ${reasonOf(error)}.`;
            // A wrong address is told at once; a service that was there may be starting again.
            if (!this.hasAnswered)
                throw new ServiceRefusal(problem);
            return { problem, afterMs: null };
        }
        this.hasAnswered = true;
        const answer = parse(text);
        if (response.ok && answer !== null)
            return { answer };
        const problem = `The service at ${this.url} answered ${response.status}: ${messageIn(answer) ?? 'it is no Meterbook service'}`;
        if (response.status !== 429 && response.status !== 503)
            throw new ServiceRefusal(problem);
        const seconds = response.headers.get('retry-after') ?? '';
        return { problem, afterMs: /^\d{1,9}$/.test(seconds) ? Number(seconds) * 1000 : null };
    }
}
function parse(text) {
    try {
        return JSON.parse(text);
    }
    catch {
        return null;
    }
}
/** The message of an error envelope. */
function messageIn(answer) {
    const { error } = (answer ?? {});
    return typeof error?.message === 'string' ? error.message : null;
}
/** `fetch` says what happened in the cause of its error. */
function reasonOf(error) {
    const { cause } = error;
    if (cause instanceof Error && cause.message !== '')
        return cause.message;
    return error instanceof Error ? error.message : String(error);
}
//# sourceMappingURL=service-client.js.map