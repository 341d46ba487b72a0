/**
 * Takes what a call of the client delivers, in order, in bounded pages, and never waits without end or leaks the call.
 *
 * The client's streams report failures as an event without being destroyed, and go on when nobody reads them any
 * more, so they are read by hand here, and cancelled whichever way the reading ends.
 */
import { NoAnswer } from './eventstoredb-errors.js';
/** An empty page tells that nothing came for as long as `patience` said. */
export async function* drain(stream, options) {
    const { cancel, pageMax, whole, patience, signal } = options;
    let ended = false;
    let failure;
    let wake = () => { };
    const onEnd = () => {
        ended = true;
        wake();
    };
    stream.on('readable', () => wake());
    stream.on('end', onEnd);
    stream.on('close', onEnd);
    stream.on('error', (error) => {
        failure ??= error;
        wake();
    });
    const onAbort = () => wake();
    signal.addEventListener('abort', onAbort);
    let page = [];
    try {
        while (!signal.aborted) {
            const item = stream.read();
            if (item !== null) {
                page.push(item);
                if (page.length < pageMax)
                    continue;
            }
            const over = item === null && (ended || failure !== undefined);
            if (page.length > 0 && (page.length === pageMax || over || (item === null && !whole))) {
                const full = page;
                page = [];
                yield full;
                continue;
            }
            if (failure !== undefined)
                throw failure;
            if (over)
                return;
            const limit = patience();
            const woken = await new Promise((resolve) => {
                const timer = limit && setTimeout(() => resolve(false), limit.ms);
                wake = () => {
                    if (timer)
                        clearTimeout(timer);
                    resolve(true);
                };
            });
            wake = () => { };
            if (!woken && limit?.then === 'fail')
                throw new NoAnswer(`nothing came for ${limit.ms} ms`);
            if (!woken)
                yield [];
        }
    }
    finally {
        signal.removeEventListener('abort', onAbort);
        // Without waiting: where the connection never came about there is no call, and this would not settle.
        cancel().catch(() => undefined);
    }
}
//# sourceMappingURL=eventstoredb-drain.js.map