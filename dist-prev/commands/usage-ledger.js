import { usagePartition } from '../domain/usage-partition.js';
import { EventStoreUnavailable } from '../event-store/event-store.js';
import { later } from '../event-store/read-your-writes.js';
import { usageStream } from '../event-store/streams.js';
import { UsagePartitionWriter } from './usage-partition-writer.js';
export class UsageLedger {
    store;
    index;
    readYourWrites;
    newEventId;
    /** By ledger and partition. */
    writers = new Map();
    closed = false;
    constructor(store, index, readYourWrites, newEventId) {
        this.store = store;
        this.index = index;
        this.readYourWrites = readYourWrites;
        this.newEventId = newEventId;
        readYourWrites.onProgress(() => {
            for (const writer of this.everyWriter())
                writer.trim();
        });
    }
    /**
     * Durable when it resolves.
     *
     * @throws DomainError where the record's rules refuse, Overloaded, EventStoreUnavailable, ReadModelBehind (still
     * starting).
     */
    async submit(ledger, partitions, meter, identifier, command, context) {
        const [outcome] = await this.submitAll(ledger, partitions, [{ meterId: meter.id, identifier, command }], context);
        if (outcome instanceof Error)
            throw outcome;
        return outcome;
    }
    /**
     * Several commands of one request at once; each has an outcome of its own, or why it has none (as `submit` throws), in
     * their order. Two about the same record keep their order, others may not.
     *
     * @throws ReadModelBehind (still starting), EventStoreUnavailable (shutting down).
     */
    async submitAll(ledger, partitions, commands, context) {
        if (!this.readYourWrites.isReady)
            await this.readYourWrites.started();
        if (this.closed)
            throw new EventStoreUnavailable('The service is shutting down.');
        if (commands.length === 0)
            return [];
        const outcomes = await new Promise((resolve) => {
            const call = new Call(commands.length, context, resolve);
            for (let place = 0; place < commands.length; place++) {
                const command = commands[place];
                const partition = usagePartition(command.meterId, command.identifier, partitions);
                this.writer(ledger, partition).submit(command, call, place);
            }
        });
        this.acknowledge(outcomes);
        return outcomes;
    }
    /** Also what was already so: the next read must see what this answer says. */
    acknowledge(outcomes) {
        let last = null;
        for (const outcome of outcomes) {
            if (outcome instanceof Error || outcome.position === null || outcome.position === last)
                continue;
            last = outcome.position;
            this.readYourWrites.acknowledge(last);
        }
    }
    unprojected(ledger, meterId, customer) {
        let position = null;
        for (const writer of this.everyWriter()) {
            if (writer.isUncertain)
                return null;
            position = later(this.store, position, writer.position);
        }
        const records = [];
        for (const writer of this.writers.get(ledger) ?? []) {
            if (writer)
                records.push(...writer.unprojected(meterId, customer));
        }
        return { position, records };
    }
    /** Settles everything that was taken on, and takes nothing new. */
    async close() {
        this.closed = true;
        await Promise.all(Array.from(this.everyWriter(), (writer) => writer.close()));
    }
    writer(ledger, partition) {
        let writers = this.writers.get(ledger);
        if (!writers) {
            writers = [];
            this.writers.set(ledger, writers);
        }
        let writer = writers[partition];
        if (!writer) {
            writer = new UsagePartitionWriter(this.store, usageStream(ledger, partition), this.index, (position) => this.readYourWrites.has(position), this.newEventId);
            writers[partition] = writer;
        }
        return writer;
    }
    *everyWriter() {
        // A partition that was not used yet has no writer.
        for (const writers of this.writers.values())
            for (const writer of writers)
                if (writer)
                    yield writer;
    }
}
/** Gathers the outcomes of one request's commands: one promise for all of them. */
class Call {
    done;
    metadata;
    outcomes;
    left;
    constructor(commands, { requestId, actor, idempotency }, done) {
        this.done = done;
        this.outcomes = new Array(commands);
        this.left = commands;
        this.metadata = {
            correlationId: requestId,
            causationId: requestId,
            actor,
            ...(idempotency ? { idempotencyKey: idempotency.key, requestHash: idempotency.requestHash } : {}),
        };
    }
    settle(place, outcome) {
        // Callers that were told to try again are settled; what becomes of their commands later is for nobody to wait for.
        if (this.outcomes[place] !== undefined)
            return;
        this.outcomes[place] = outcome;
        if (--this.left === 0)
            this.done(this.outcomes);
    }
}
//# sourceMappingURL=usage-ledger.js.map