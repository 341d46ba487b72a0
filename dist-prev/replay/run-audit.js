/** One audit with everything it opens: the log, the live rows beside whoever serves them, and a scratch folder. */
import { existsSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join, resolve } from 'node:path';
import { openEventStore } from '../event-store/open-event-store.js';
import { openReadModel, openScratchReadModel, READ_MODEL_FILE } from '../read-model/open-read-model.js';
import { allProjections } from '../projections/projections.js';
import { checkAgreement } from './agreement.js';
import { Audit } from './audit.js';
import { requireSameSchemas } from './standing.js';
import { readStoredRowsInThread } from './stored-rows-thread.js';
export async function runAudit({ eventStoreUrl, readModelUrl, dataDir, scratchDir = tmpdir() }, selection, options, log) {
    if (!existsSync(join(dataDir, READ_MODEL_FILE))) {
        throw new Error(`There is no read model in ${resolve(dataDir)} to be audited. Start the service once, then audit.`);
    }
    // Whatever was opened is closed again, newest first, also when a later step fails.
    const closing = [];
    try {
        const store = await openEventStore(eventStoreUrl, dataDir, log);
        closing.push(() => store.close());
        await store.check();
        const live = openReadModel(readModelUrl, dataDir);
        closing.push(() => live.close());
        await requireSameSchemas(live, allProjections(() => undefined));
        // What each event did is told from rows that have nothing of what comes behind it.
        if (!options.onEffect) {
            const agreed = await inScratch(scratchDir, 'small-scratch', async (scratch, folder) => {
                const cellsFolder = join(folder, 'cells');
                const cells = openScratchReadModel(cellsFolder, 'small-scratch');
                try {
                    const storedIn = { kind: 'stored', readModelUrl, dataDir };
                    const readStored = (task, beside) => readStoredRowsInThread({ storedIn, cellsFolder, task }, beside);
                    return await checkAgreement(store, { live, scratch, cells, readStored }, selection, options);
                }
                finally {
                    await cells.close();
                }
            });
            if (agreed)
                return agreed;
        }
        return await inScratch(scratchDir, 'scratch', (scratch, folder) => {
            const digestFolded = async (selections, { signal, onRead }) => {
                const task = { sequence: 0, addsUpCells: false, selections, sumKeys: null };
                const work = { storedIn: { kind: 'scratch', folder }, cellsFolder: folder, task };
                const answer = await readStoredRowsInThread(work, { signal, onDigested: onRead, onCells: () => undefined });
                return answer.digests;
            };
            return new Audit(store, live, scratch, digestFolded, selection, options).run();
        });
    }
    finally {
        for (let close = closing.pop(); close; close = closing.pop())
            await close();
    }
}
/** Scratch rows in a folder that is gone afterwards. They are not used again: after a failure such a file may be anything. */
async function inScratch(scratchDir, size, use) {
    const folder = await mkdtemp(join(scratchDir, 'meterbook-audit-'));
    try {
        const scratch = openScratchReadModel(folder, size);
        try {
            return await use(scratch, folder);
        }
        finally {
            await scratch.close();
        }
    }
    finally {
        await rm(folder, { recursive: true, force: true });
    }
}
//# sourceMappingURL=run-audit.js.map