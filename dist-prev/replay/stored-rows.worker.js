/** The thread that reads stored rows beside an audit. Any message to it means stop. */
import { mkdirSync } from 'node:fs';
import { parentPort, workerData } from 'node:worker_threads';
import { openReadModel, openScratchReadModel } from '../read-model/open-read-model.js';
import { readStoredRows } from './stored-rows.js';
/** Between two reports of how far it is. */
const PROGRESS_EVERY_MS = 100;
if (!parentPort)
    throw new Error('This file is a worker thread.');
const port = parentPort;
const { storedIn, cellsFolder, task } = workerData;
const say = (message) => port.postMessage(message);
const stop = new AbortController();
port.once('message', () => stop.abort());
const rows = storedIn.kind === 'scratch'
    ? openScratchReadModel(storedIn.folder)
    : openReadModel(storedIn.readModelUrl, storedIn.dataDir);
const openCells = () => {
    mkdirSync(cellsFolder, { recursive: true });
    return openScratchReadModel(cellsFolder, 'small-scratch');
};
let saidAt = -Infinity;
const onDigested = (records) => {
    if (performance.now() - saidAt < PROGRESS_EVERY_MS)
        return;
    saidAt = performance.now();
    say({ type: 'digested', records });
};
try {
    const answer = await readStoredRows(rows, openCells, task, {
        signal: stop.signal,
        onDigested,
        onCells: () => say({ type: 'cells' }),
    });
    say({ type: 'answer', answer });
}
catch (error) {
    say({ type: 'failed', message: error instanceof Error ? error.message : String(error) });
}
await rows.close();
port.close();
//# sourceMappingURL=stored-rows.worker.js.map