import { allProjections } from './projections/projections.js';
const REPORT_EVERY_MS = 5_000;
/** Nothing is told where they have caught up already. Answers what ends it early. */
export function reportCatchingUp({ readModel, readYourWrites, stopwatch, log, everyMs = REPORT_EVERY_MS, }) {
    if (readYourWrites.isReady)
        return () => undefined;
    const since = stopwatch.elapsedMs();
    let atFirst = null;
    let isOver = false;
    const report = async () => {
        // Why they stopped is told by who stopped them.
        if (readYourWrites.stopped !== null)
            return end();
        const { folded, known } = await reached(readModel);
        if (isOver)
            return;
        const seconds = (stopwatch.elapsedMs() - since) / 1000;
        const eventsPerSecond = atFirst === null ? null : Math.round((folded - atFirst) / seconds);
        atFirst ??= folded;
        log.info({
            usageEvents: folded,
            ...(known > folded ? { ofUsageEvents: known } : {}),
            ...(eventsPerSecond === null ? {} : { eventsPerSecond }),
            ...(eventsPerSecond && known > folded ? { secondsLeft: Math.ceil((known - folded) / eventsPerSecond) } : {}),
        }, 'The read model is catching up with the log; usage is taken once it has.');
    };
    const tryToReport = () => {
        report().catch((error) => {
            if (!isOver)
                log.warn({ err: error }, 'How far the read model is cannot be read.');
        });
    };
    const timer = setInterval(tryToReport, everyMs).unref();
    const end = () => {
        isOver = true;
        clearInterval(timer);
    };
    readYourWrites.onProgress(({ caughtUp }) => {
        if (isOver || !caughtUp)
            return;
        end();
        const seconds = Math.round((stopwatch.elapsedMs() - since) / 100) / 10;
        log.info({ seconds }, 'The read model has caught up with the log; usage is taken.');
    });
    tryToReport();
    return end;
}
async function reached(readModel) {
    const names = allProjections(() => undefined).map(({ projection }) => projection);
    const sequences = await readModel.snapshot((rows) => Promise.all(names.map(async (name) => (await rows.checkpoint(name)).sequence)));
    return { folded: Math.min(...sequences), known: Math.max(...sequences) };
}
//# sourceMappingURL=catching-up.js.map