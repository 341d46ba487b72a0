/** Opens the read model that `READ_MODEL_URL` names: `embedded:`, a file in the data folder. */
import { join } from 'node:path';
import { EmbeddedReadModel } from './embedded-read-model.js';
export const READ_MODEL_FILE = 'read-model.db';
/** `use`: whether this thread goes on writing it, as a projector does, or reads and writes now and then. */
export function openReadModel(url, dataDir, use = 'lasting') {
    if (url === 'embedded:')
        return new EmbeddedReadModel(join(dataDir, READ_MODEL_FILE), use);
    throw new Error(`No read model can be reached at ${url.split(':')[0]}:…`);
}
/** A read model that nobody else sees, in a folder that its maker removes. A small one has no usage records. */
export function openScratchReadModel(folder, use = 'scratch') {
    return new EmbeddedReadModel(join(folder, READ_MODEL_FILE), use);
}
//# sourceMappingURL=open-read-model.js.map