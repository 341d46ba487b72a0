/** Audits of a running service: one at a time, in a thread of its own; the last ones are remembered until it stops. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
/** Finished audits whose verdict can still be asked for. */
export const AUDITS_REMEMBERED_MAX = 20;
const STOP_TIMEOUT_MS = 10_000;
/** Another audit is running; it is named where it is the same ledger's. */
export class AuditRunning extends Error {
    job;
    name = 'AuditRunning';
    constructor(job) {
        super('Another audit is running.');
        this.job = job;
    }
}
export class Audits {
    settings;
    now;
    newId;
    log;
    jobs = new Map();
    running = null;
    isClosed = false;
    constructor(settings, now, newId, log) {
        this.settings = settings;
        this.now = now;
        this.newId = newId;
        this.log = log;
    }
    /** @throws AuditRunning */
    start(ledger, selection) {
        if (this.isClosed)
            throw new Error('The service is stopping.');
        const busy = this.running && this.jobs.get(this.running.id);
        if (busy)
            throw new AuditRunning(busy);
        const job = {
            id: `aud_${this.newId()}`,
            ledger,
            selection,
            startedAt: this.now(),
            endedAt: null,
            status: 'running',
            progress: { phase: 'folding', done: 0, fraction: null },
            verdict: null,
            failure: null,
        };
        this.jobs.set(job.id, job);
        for (const id of this.jobs.keys()) {
            if (this.jobs.size <= AUDITS_REMEMBERED_MAX)
                break;
            this.jobs.delete(id);
        }
        this.running = { id: job.id, worker: this.thread(job) };
        return job;
    }
    /** null also for another ledger's. */
    find(ledger, id) {
        const job = this.jobs.get(id);
        return job?.ledger === ledger ? job : null;
    }
    /** Those that are remembered, the newest first. */
    list(ledger) {
        return [...this.jobs.values()].filter((job) => job.ledger === ledger).reverse();
    }
    /** Ends the one that runs, with its scratch files. */
    async close() {
        this.isClosed = true;
        const worker = this.running?.worker;
        if (!worker || worker.threadId === -1)
            return;
        const exited = once(worker, 'exit', { signal: AbortSignal.timeout(STOP_TIMEOUT_MS) });
        worker.postMessage('stop');
        await exited.catch(() => worker.terminate());
    }
    thread({ id, selection }) {
        const task = { settings: this.settings, selection };
        const worker = new Worker(new URL('./audit.worker.js', import.meta.url), { workerData: task });
        worker.on('message', (message) => {
            switch (message.type) {
                case 'progress':
                    return this.change(id, { progress: message.progress });
                case 'log':
                    return this.log[message.level](message.fields, message.message);
                case 'verdict': {
                    const { verdict } = message;
                    if (verdict.verdict !== 'agrees') {
                        this.log.error({ audit: id, verdict: verdict.verdict, findings: verdict.findingCount }, 'An audit found differences.');
                    }
                    this.ended(id);
                    return this.change(id, { status: 'completed', endedAt: this.now(), verdict });
                }
                case 'failed':
                    this.ended(id);
                    return this.change(id, { status: 'failed', endedAt: this.now(), failure: message.message });
            }
        });
        worker.on('error', (error) => this.change(id, { status: 'failed', endedAt: this.now(), failure: error.message }));
        worker.on('exit', () => {
            this.ended(id);
            if (this.jobs.get(id)?.status === 'running') {
                this.change(id, { status: 'failed', endedAt: this.now(), failure: 'The auditing thread ended.' });
            }
        });
        return worker;
    }
    /** Its scratch files are gone, and its thread is about to be. */
    ended(id) {
        if (this.running?.id === id)
            this.running = null;
    }
    change(id, changed) {
        const job = this.jobs.get(id);
        if (job)
            this.jobs.set(id, { ...job, ...changed });
    }
}
//# sourceMappingURL=audits.js.map