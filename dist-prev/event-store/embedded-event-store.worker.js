/**
 * The writing thread of the embedded store. While one group is being flushed the next ones queue up; they become one
 * transaction, so the number of flushes does not grow with the number of callers.
 */
import { BroadcastChannel, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads';
import { EmbeddedEventWriter, wakeChannelName } from './embedded-event-writer.js';
/** Events of one transaction: keeps a flood from holding back its own answers. */
const GROUP_EVENTS_MAX = 10_000;
if (!parentPort)
    throw new Error('This file is a worker thread.');
const port = parentPort;
const { file } = workerData;
const writer = new EmbeddedEventWriter(file);
const wake = new BroadcastChannel(wakeChannelName(file));
wake.unref();
port.on('message', (first) => {
    let message = first;
    while (message !== undefined) {
        const group = [];
        let messages = 0;
        for (let events = 0; message !== undefined && message !== 'close' && events < GROUP_EVENTS_MAX; message = next()) {
            messages++;
            for (const request of message) {
                group.push(request);
                for (const append of request.appends)
                    events += append.events;
            }
        }
        if (group.length > 0)
            write(group, messages);
        if (message === 'close')
            return close();
    }
});
function next() {
    return receiveMessageOnPort(port)?.message;
}
function write(group, messages) {
    const outcomes = writer.append(group.flatMap(({ appends }) => appends));
    let taken = 0;
    const settled = group.map(({ id, appends }) => {
        const mine = outcomes.slice(taken, taken + appends.length);
        taken += appends.length;
        return { id, outcomes: mine };
    });
    port.postMessage({ messages, settled });
    wake.postMessage(null);
}
function close() {
    writer.close();
    wake.close();
    port.postMessage('closed');
    port.close();
}
//# sourceMappingURL=embedded-event-store.worker.js.map