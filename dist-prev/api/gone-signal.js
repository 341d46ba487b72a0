export function goneSignal(reply) {
    const gone = new AbortController();
    reply.raw.once('close', () => gone.abort());
    return gone.signal;
}
//# sourceMappingURL=gone-signal.js.map