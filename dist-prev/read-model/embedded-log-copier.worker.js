/** The copying thread: copies what it can without holding anyone up, when asked. */
import Database from 'better-sqlite3';
import { parentPort, workerData } from 'node:worker_threads';
if (!parentPort)
    throw new Error('This file is a worker thread.');
const port = parentPort;
const database = new Database(workerData);
database.pragma('synchronous = NORMAL');
port.on('message', (request) => {
    if (request === 'copy')
        return port.postMessage({ logPages: copy() });
    database.close();
    port.close();
});
function copy() {
    try {
        const [{ log }] = database.pragma('wal_checkpoint(PASSIVE)');
        return Math.max(log, 0);
    }
    catch (error) {
        // A full disk, or another process copies just now. The log keeps everything, and the writer says so if it cannot go on.
        if (error instanceof Database.SqliteError)
            return 0;
        throw error;
    }
}
//# sourceMappingURL=embedded-log-copier.worker.js.map