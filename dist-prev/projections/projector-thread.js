/** Starts the projecting thread and passes on what it says. */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
const START_TIMEOUT_MS = 60_000;
const STOP_TIMEOUT_MS = 30_000;
export class ProjectorThread {
    worker;
    log;
    rebuildState = null;
    constructor(worker, log) {
        this.worker = worker;
        this.log = log;
        worker.on('message', (message) => {
            if (message.type === 'rebuild')
                this.rebuilt(message.state);
        });
    }
    /** Somebody waits for the rows. */
    hurry() {
        this.worker.postMessage('hurry');
    }
    /** Of the rebuild that runs or of the last one since the start; null before the first. */
    get rebuild() {
        return this.rebuildState;
    }
    /** Whether it was begun; not while another one runs. */
    beginRebuild(request) {
        const status = this.rebuildState?.status;
        if (status === 'building' || status === 'comparing')
            return false;
        this.rebuildState = {
            projections: request.projections,
            status: 'building',
            sequence: 0,
            wantedSequence: 0,
            rows: 0,
            wantedRows: 0,
            differenceCount: 0,
            differences: [],
            elapsedMs: 0,
            failure: null,
        };
        this.worker.postMessage({ rebuild: request });
        return true;
    }
    rebuilt(state) {
        this.rebuildState = state;
        const { projections, differenceCount: differences, differences: examples, elapsedMs, failure } = state;
        if (state.status === 'failed')
            this.log.error({ projections, reason: failure }, 'A rebuild failed; the old rows serve.');
        if (state.status !== 'completed')
            return;
        const fields = { projections, differences, elapsedMs };
        if (differences === 0)
            this.log.info(fields, 'Projections were rebuilt; every row is as it was.');
        else
            this.log.error({ ...fields, examples }, 'Projections were rebuilt; rows that differed were mended.');
    }
    /** Resolves when the tables are there. @throws what stopped it before that. */
    static async start(settings, readYourWrites, log) {
        const worker = new Worker(new URL('./projector.worker.js', import.meta.url), { workerData: settings });
        const prepared = new Promise((resolve, reject) => {
            const timer = setTimeout(() => reject(new Error(`The projections did not start within ${START_TIMEOUT_MS} ms.`)), START_TIMEOUT_MS);
            const stop = (message) => {
                clearTimeout(timer);
                readYourWrites.stop(message);
                reject(new Error(message));
            };
            worker.on('message', (message) => {
                switch (message.type) {
                    case 'prepared':
                        clearTimeout(timer);
                        return resolve();
                    case 'progress':
                        return readYourWrites.advance(message.progress);
                    case 'rebuild':
                        return; // Its own listener has it.
                    case 'anomaly':
                        return log.error(message.anomaly, 'An event contradicts the log before it and was not folded.');
                    case 'log':
                        return log[message.level](message.fields, message.message);
                    case 'stopped':
                        log.error({ reason: message.message }, 'The projections stopped. Usage and fresh reads are refused until the cause is mended.');
                        return stop(message.message);
                }
            });
            worker.on('error', (error) => stop(error.message));
            worker.on('exit', () => stop('The projecting thread ended.'));
        });
        try {
            await prepared;
        }
        catch (error) {
            await worker.terminate();
            throw error;
        }
        const thread = new ProjectorThread(worker, log);
        readYourWrites.onWaiting(() => thread.hurry());
        return thread;
    }
    /** Ends after the batch at hand. */
    async stop() {
        if (this.worker.threadId === -1)
            return;
        const exited = once(this.worker, 'exit', { signal: AbortSignal.timeout(STOP_TIMEOUT_MS) });
        this.worker.postMessage('stop');
        await exited.catch(() => this.worker.terminate());
    }
}
//# sourceMappingURL=projector-thread.js.map