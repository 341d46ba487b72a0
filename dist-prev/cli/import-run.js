import { identifierOfLine } from '../commands/usage-identity.js';
import { DomainError } from '../domain/errors.js';
/** Lines under way at once; well below what one partition lets wait. */
const UNDER_WAY_MAX = 4_000;
/** Lines that may be appended and not yet projected: what the writers have to remember. */
const UNPROJECTED_MAX = 20_000;
/** Counts into `counts`, which is right also when it throws: everything in it is durable. */
export async function runImport(run, counts) {
    const pages = [];
    const unprojected = [];
    let underWay = 0;
    let ahead = 0;
    const settleOldest = async () => {
        const page = pages.shift();
        const fates = await page.fates;
        underWay -= page.lines.length;
        const position = await book(page.lines, fates, run, counts);
        run.onProgress(counts);
        if (position === null)
            return;
        unprojected.push({ position, lines: page.lines.length });
        ahead += page.lines.length;
        for (let [oldest] = unprojected; oldest && ahead > UNPROJECTED_MAX; [oldest] = unprojected) {
            await run.writeSide?.readYourWrites.projected(oldest.position);
            ahead -= oldest.lines;
            unprojected.shift();
        }
    };
    let source;
    let failure = null;
    try {
        for await (const lines of run.pages) {
            if (source === undefined && lines.some(({ event }) => hasNoIdentifier(event)))
                source = await run.sourceName();
            const fates = Promise.allSettled(lines.map((line) => take(line, source ?? null, run.usageImport)));
            pages.push({ lines, fates });
            underWay += lines.length;
            while (underWay > UNDER_WAY_MAX)
                await settleOldest();
        }
    }
    catch (error) {
        failure = error;
    }
    // Also after an error: what was taken on is settled and counted.
    while (pages.length > 0) {
        try {
            await settleOldest();
        }
        catch (error) {
            failure ??= error;
        }
    }
    if (failure)
        throw failure;
    // What counts is in the rows too, for whoever asks or audits next.
    const last = unprojected.at(-1);
    if (last)
        await run.writeSide?.readYourWrites.projected(last.position);
}
async function take({ line, event }, source, usageImport) {
    if (event instanceof DomainError)
        return { outcome: event, position: null };
    return usageImport.take(event, () => {
        if (source !== null)
            return identifierOfLine(source, line);
        throw new DomainError('parameter_invalid', 'The line has no identifier. Standard input has no name to make one from: give it one with --source.', 'identifier');
    });
}
/** The highest position of what was appended. @throws what kept a line from being settled. */
async function book(lines, fates, { rejects, writeSide }, counts) {
    let highest = null;
    let failure = null;
    for (const [index, fate] of fates.entries()) {
        const line = lines[index];
        if (fate.status === 'rejected') {
            failure ??= { line: line.line, reason: fate.reason };
            continue;
        }
        const { outcome, position } = fate.value;
        counts.lines++;
        if (outcome === 'counted')
            counts.counted++;
        else if (outcome === 'duplicate')
            counts.duplicates++;
        else {
            counts.rejected++;
            await rejects.add(line, outcome);
        }
        if (position === null || !writeSide)
            continue;
        if (highest === null || writeSide.store.comparePositions(position, highest) > 0)
            highest = position;
    }
    if (failure) {
        const { line, reason } = failure;
        throw new Error(`Stopped at line ${line}: ${reason instanceof Error ? reason.message : String(reason)}`, {
            cause: reason,
        });
    }
    return highest;
}
function hasNoIdentifier(event) {
    if (event instanceof DomainError || typeof event !== 'object' || event === null)
        return false;
    return (event.identifier ?? null) === null;
}
//# sourceMappingURL=import-run.js.map