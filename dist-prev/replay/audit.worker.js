/** The thread of one audit. Any message to it means stop; it ends when its scratch files are gone. */
import { parentPort, workerData } from 'node:worker_threads';
import { runAudit } from './run-audit.js';
/** Between two reports of how far it is. */
const PROGRESS_EVERY_MS = 250;
if (!parentPort)
    throw new Error('This file is a worker thread.');
const port = parentPort;
const { settings, selection } = workerData;
const say = (message) => port.postMessage(message);
const log = (level) => (fields, message) => say({ type: 'log', level, fields, message });
const stop = new AbortController();
port.once('message', () => stop.abort());
let saidAt = -Infinity;
try {
    const verdict = await runAudit(settings, selection, {
        signal: stop.signal,
        onProgress: (progress) => {
            if (performance.now() - saidAt < PROGRESS_EVERY_MS)
                return;
            saidAt = performance.now();
            say({ type: 'progress', progress });
        },
        onEffect: null,
        onDoubt: (why) => log('warn')({ why }, 'An audit does not simply agree. It folds everything once more to name what differs.'),
    }, { info: log('info'), warn: log('warn'), error: log('error') });
    say({ type: 'verdict', verdict });
}
catch (error) {
    say({ type: 'failed', message: error instanceof Error ? error.message : String(error) });
}
port.close();
//# sourceMappingURL=audit.worker.js.map