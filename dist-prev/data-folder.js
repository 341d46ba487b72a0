/** The folder of the embedded files: private to its owner, and used by one service at a time. */
import Database from 'better-sqlite3';
import { mkdirSync } from 'node:fs';
import { join, resolve } from 'node:path';
const LOCK_FILE = 'service.lock';
/** A service that was just stopped may still be letting go. */
const LOCK_TIMEOUT_MS = 2_000;
export class DataFolderInUse extends Error {
    name = 'DataFolderInUse';
}
export function makeDataFolder(dataDir) {
    mkdirSync(dataDir, { recursive: true, mode: 0o700 });
}
/**
 * Held by the operating system, so it is gone with the process however that ends.
 *
 * @throws DataFolderInUse
 */
export function lockDataFolder(dataDir) {
    const lock = new Database(join(dataDir, LOCK_FILE), { timeout: LOCK_TIMEOUT_MS });
    try {
        lock.exec('BEGIN EXCLUSIVE');
    }
    catch (error) {
        lock.close();
        if (error instanceof Database.SqliteError && error.code === 'SQLITE_BUSY') {
            throw new DataFolderInUse(`Another Meterbook service is using ${resolve(dataDir)}. Stop it, or set DATA_DIR to another folder.`);
        }
        throw error;
    }
    return { release: () => lock.close() };
}
//# sourceMappingURL=data-folder.js.map