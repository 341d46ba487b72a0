/**
 * Questions about all customers of a meter read much, so only a few are answered at once and the others wait for their turn:
 * every other question finds a snapshot free, and the process its time.
 */
import { Overloaded } from '../overloaded.js';
/** Answered at once. */
export const WHOLE_METER_QUESTIONS_MAX = 2;
/** Questions that wait; what comes then is told to come later. */
export const WHOLE_METER_WAITING_MAX = 64;
export class WholeMeterTurns {
    running = 0;
    waiting = [];
    /** @throws Overloaded; what `signal` was aborted with, if that was before its turn. */
    async take(signal, answer) {
        if (this.running >= WHOLE_METER_QUESTIONS_MAX) {
            if (this.waiting.length >= WHOLE_METER_WAITING_MAX) {
                throw new Overloaded('Too many questions about whole meters are waiting. Please try again in a moment.');
            }
            await new Promise((resolve) => this.waiting.push(resolve));
        }
        else
            this.running++;
        try {
            signal.throwIfAborted();
            return await answer();
        }
        finally {
            // Whoever waits takes over this turn.
            const next = this.waiting.shift();
            if (next)
                next();
            else
                this.running--;
        }
    }
}
//# sourceMappingURL=whole-meter-turns.js.map