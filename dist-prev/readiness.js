export async function readiness(store, readYourWrites) {
    const isReachable = await store.check().then(() => true, () => false);
    const { isReady, stopped } = readYourWrites;
    return {
        event_store: isReachable ? 'reachable' : 'unreachable',
        projections: stopped !== null ? 'stopped' : isReady ? 'caught up' : 'catching up',
        reason: !isReachable
            ? 'The event store cannot be reached.'
            : stopped !== null
                ? `The projections stopped: ${stopped}`
                : isReady
                    ? null
                    : 'The projections are catching up with the log.',
    };
}
//# sourceMappingURL=readiness.js.map