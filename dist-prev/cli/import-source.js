/** What is imported: a file or standard input, unpacked if it is gzip, and told by its name or its beginning what it holds. */
import { createHash } from 'node:crypto';
import { createReadStream, statSync } from 'node:fs';
import { pipeline, Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
/** Stands for standard input. */
export const STANDARD_INPUT = '-';
const CHUNK_BYTES = 64 * 1024;
const EXTENSIONS = [
    [/\.(ndjson|jsonl)(\.gz)?$/i, 'ndjson'],
    [/\.csv(\.gz)?$/i, 'csv'],
];
export async function openImportSource(file, format) {
    let read = 0;
    const content = await unpacked(file, (bytes) => {
        read += bytes;
    });
    const told = format ?? EXTENSIONS.find(([extension]) => extension.test(file))?.[1] ?? null;
    const [head, all] = await peek(content, (bytes) => bytes.toString('utf8').trim() !== '');
    const stat = file === STANDARD_INPUT ? null : statSync(file);
    return {
        format: told ?? formatOf(head),
        content: all,
        size: stat?.isFile() ? stat.size : null,
        bytesRead: () => read,
    };
}
/** SHA-256 of the content, unpacked: the same for a file and its gzip. */
export async function contentHash(file) {
    const hash = createHash('sha256');
    for await (const chunk of await unpacked(file, () => undefined))
        hash.update(chunk);
    return hash.digest('hex');
}
/** JSON lines begin with a brace; no CSV header does. */
function formatOf(head) {
    return /^\uFEFF?\s*\{/.test(head.toString('utf8')) ? 'ndjson' : 'csv';
}
async function unpacked(file, onRead) {
    const stored = file === STANDARD_INPUT ? process.stdin : createReadStream(file, { highWaterMark: CHUNK_BYTES });
    const [head, all] = await peek(counted(stored, onRead), ({ length }) => length >= 2);
    if (head[0] !== 0x1f || head[1] !== 0x8b)
        return all;
    // An error on the way destroys the last stream with it, so whoever reads it sees it.
    return pipeline(Readable.from(all), createGunzip({ chunkSize: CHUNK_BYTES }), () => undefined);
}
async function* counted(stream, onRead) {
    for await (const chunk of stream) {
        const bytes = chunk;
        onRead(bytes.length);
        yield bytes;
    }
}
/** The beginning, as much of it as is enough, and everything from the beginning on. */
async function peek(chunks, isEnough) {
    const iterator = chunks[Symbol.asyncIterator]();
    let head = Buffer.alloc(0);
    while (!isEnough(head) && head.length < CHUNK_BYTES) {
        const next = await iterator.next();
        if (next.done)
            break;
        head = Buffer.concat([head, next.value]);
    }
    const all = async function* () {
        try {
            if (head.length > 0)
                yield head;
            for (let next = await iterator.next(); !next.done; next = await iterator.next())
                yield next.value;
        }
        finally {
            // Whoever stops early lets go of the input: an open standard input would keep the process alive.
            await iterator.return?.();
        }
    };
    return [head, all()];
}
//# sourceMappingURL=import-source.js.map