const listeners = new Set();
/** Errors an append was already told, which may come a second time. */
const told = new WeakSet();
/** @returns how to take it off again. */
export function guardLateReplies(onLateReply) {
    if (listeners.size === 0)
        process.on('unhandledRejection', onUnhandled);
    listeners.add(onLateReply);
    return () => {
        listeners.delete(onLateReply);
        if (listeners.size === 0)
            process.off('unhandledRejection', onUnhandled);
    };
}
/** Call with every error that an append was rejected with. */
export function noteTold(error) {
    if (typeof error !== 'object' || error === null)
        return;
    told.add(error);
    const raw = error._raw;
    if (typeof raw === 'object' && raw !== null)
        told.add(raw);
}
export function isLateReply(reason) {
    return (reason instanceof TypeError &&
        reason.message.startsWith('undefined is not iterable') &&
        /[\\/]@eventstore[\\/]db-client[\\/].*[\\/]batchAppend\.js/.test(reason.stack ?? ''));
}
function onUnhandled(reason) {
    if (typeof reason === 'object' && reason !== null && told.has(reason))
        return;
    if (isLateReply(reason)) {
        for (const listener of listeners)
            listener(reason);
        return;
    }
    // Our being here switched Node's default off; a listener of somebody else's would have done so as well.
    if (process.listenerCount('unhandledRejection') > 1)
        return;
    throw reason instanceof Error ? reason : new Error(`Unhandled rejection: ${String(reason)}`);
}
//# sourceMappingURL=eventstoredb-late-reply-guard.js.map