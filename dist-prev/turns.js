/**
 * A flood of usage is worked off in pieces, one each time the event loop goes round and in the order in which they came: a
 * read that arrives meanwhile waits for the piece at hand, not for all that arrived before it.
 */
/** Pieces that wait. Beyond it one is done at once, as if there were no turns, so that nothing piles up here. */
export const PIECES_WAITING_MAX = 1_000;
const waiting = [];
/** Does the piece when it is its turn. */
export function inTurn(piece) {
    if (waiting.length >= PIECES_WAITING_MAX)
        return piece();
    waiting.push(piece);
    if (waiting.length === 1)
        setImmediate(next);
}
/** Resolves when it is one's turn. */
export function turn() {
    return new Promise(inTurn);
}
function next() {
    try {
        // It stays in the queue meanwhile, so that what it adds does not ask for another round.
        waiting[0]?.();
    }
    finally {
        waiting.shift();
        if (waiting.length > 0)
            setImmediate(next);
    }
}
//# sourceMappingURL=turns.js.map