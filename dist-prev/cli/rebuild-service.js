/** A rebuild by a running service, followed through its API. */
import { setTimeout as delay } from 'node:timers/promises';
const POLL_MS = 500;
const REQUEST_TIMEOUT_MS = 30_000;
/** Several by name one after the other, all of them at once. @throws what the service refuses. */
export async function rebuildThroughService({ url, key, projections, keep }, progress) {
    const base = `${url.replace(/\/$/, '')}/meterbook/v1/projections`;
    const ask = async (method, path) => {
        const response = await fetch(base + path, {
            method,
            headers: {
                authorization: `Bearer ${key}`,
                ...(method === 'POST' && { 'content-type': 'application/x-www-form-urlencoded' }),
            },
            ...(method === 'POST' && { body: keep ? 'keep=true' : '' }),
            signal: AbortSignal.timeout(REQUEST_TIMEOUT_MS),
        });
        const answer = (await response.json());
        if (!response.ok)
            throw new Error(answer.error?.message ?? `The service answered ${response.status}.`);
        return answer;
    };
    const follow = async (path) => {
        await ask('POST', `${path}/rebuild`);
        for (;;) {
            const answer = await ask('GET', path);
            const rebuild = (answer.data?.[0] ?? answer).rebuild;
            if (!rebuild)
                throw new Error('The service was started again meanwhile; it goes on with the rebuild by itself.');
            const state = {
                projections: rebuild.projections,
                status: rebuild.status,
                sequence: rebuild.sequence,
                wantedSequence: rebuild.wanted_sequence,
                rows: rebuild.rows,
                wantedRows: rebuild.wanted_rows,
                differenceCount: rebuild.difference_count,
                differences: rebuild.differences,
                elapsedMs: rebuild.elapsed_seconds * 1000,
                failure: rebuild.failure,
            };
            progress.show(state);
            if (state.status === 'completed' || state.status === 'failed')
                return state;
            await delay(POLL_MS);
        }
    };
    if (projections.length === 0)
        return [await follow('')];
    const states = [];
    for (const name of projections)
        states.push(await follow(`/${name}`));
    return states;
}
//# sourceMappingURL=rebuild-service.js.map