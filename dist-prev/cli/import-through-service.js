/**
 * Lines of an import sent to a running service in calls of many, one call after the other: within a call the service keeps
 * their order, and no call overtakes the one before it.
 */
import { ApiError } from '../api/stripe/api-error.js';
import { requireClean } from '../api/stripe/json-body.js';
import { IMPORT_CALL_EVENTS_MAX } from '../commands/import-usage.js';
import { DomainError } from '../domain/errors.js';
import { ServiceRefusal } from './service-client.js';
const PATH = '/meterbook/v1/usage_imports';
/** Of the events of one call as JSON, and of a single one: well below the largest body that is taken, in any script. */
const CALL_CHARACTERS_MAX = 256 * 1024;
/** Of an event in the body of a call: the body, the list, the event. */
const EVENT_DEPTH = 3;
export class ServiceImport {
    client;
    backfill;
    queue = [];
    isSending = false;
    failure = null;
    constructor(client, backfill) {
        this.client = client;
        this.backfill = backfill;
    }
    /** As `UsageImport.take`. @throws ServiceRefusal; then everything that comes later is turned away with it. */
    async take(event, makeIdentifier) {
        try {
            const text = JSON.stringify(ready(event, makeIdentifier));
            if (text.length > CALL_CHARACTERS_MAX) {
                const message = `A meter event has at most ${CALL_CHARACTERS_MAX} characters of JSON.`;
                throw new DomainError('parameter_too_long', message);
            }
            return await new Promise((resolve, reject) => {
                this.queue.push({ event: text, resolve, reject });
                if (!this.isSending)
                    void this.send();
            });
        }
        catch (error) {
            if (!(error instanceof DomainError))
                throw error;
            return { outcome: error, position: null };
        }
    }
    async send() {
        this.isSending = true;
        // What is handed over together goes together.
        await new Promise((resolve) => setImmediate(resolve));
        while (this.queue.length > 0) {
            const call = this.takeCall();
            try {
                if (this.failure)
                    throw this.failure.error;
                const outcomes = await this.post(call);
                call.forEach(({ resolve }, index) => resolve({ outcome: outcomes[index], position: null }));
            }
            catch (error) {
                this.failure ??= { error };
                for (const { reject } of call)
                    reject(error);
            }
        }
        this.isSending = false;
    }
    takeCall() {
        let characters = 0;
        let size = 0;
        for (const { event } of this.queue) {
            characters += event.length;
            if (size > 0 && (size >= IMPORT_CALL_EVENTS_MAX || characters > CALL_CHARACTERS_MAX))
                break;
            size++;
        }
        return this.queue.splice(0, size);
    }
    async post(call) {
        const events = call.map(({ event }) => event).join();
        const answer = await this.client.post(PATH, `{"backfill":${this.backfill},"events":[${events}]}`);
        const { results } = answer;
        if (results?.length !== call.length)
            throw new ServiceRefusal('The service did not answer for each of the lines.');
        return results.map(({ status, code, message, param }) => status === 'rejected' ? new DomainError(code, message, param) : status);
    }
}
/** The event with an identifier. @throws DomainError for what would have the service refuse the whole call. */
function ready(event, makeIdentifier) {
    try {
        requireClean(event, EVENT_DEPTH, '');
    }
    catch (error) {
        if (!(error instanceof ApiError))
            throw error;
        throw new DomainError('parameter_invalid', error.message, error.param);
    }
    if (typeof event !== 'object' || event === null || Array.isArray(event))
        return event;
    const hash = event;
    return (hash.identifier ?? null) === null ? { ...hash, identifier: makeIdentifier() } : event;
}
//# sourceMappingURL=import-through-service.js.map