/** The thread that digests for an audit. Any message to it means stop. */
import { parentPort, workerData } from 'node:worker_threads';
import { openReadModel, openScratchReadModel } from '../read-model/open-read-model.js';
import { digestUsage } from './digest.js';
/** Between two reports of how far it is. */
const PROGRESS_EVERY_MS = 100;
if (!parentPort)
    throw new Error('This file is a worker thread.');
const port = parentPort;
const { rows: of, selections } = workerData;
const say = (message) => port.postMessage(message);
const stop = new AbortController();
port.once('message', () => stop.abort());
const rows = of.kind === 'scratch' ? openScratchReadModel(of.folder) : openReadModel(of.readModelUrl, of.dataDir);
let read = 0;
let saidAt = -Infinity;
const onRecords = (records) => {
    read += records;
    if (performance.now() - saidAt < PROGRESS_EVERY_MS)
        return;
    saidAt = performance.now();
    say({ type: 'progress', read });
};
try {
    const digests = [];
    for (const selection of selections)
        digests.push(await digestUsage(rows, selection, { signal: stop.signal, onRecords }));
    say({ type: 'digests', digests });
}
catch (error) {
    say({ type: 'failed', message: error instanceof Error ? error.message : String(error) });
}
await rows.close();
port.close();
//# sourceMappingURL=digest.worker.js.map