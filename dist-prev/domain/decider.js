export function fold(decider, events, from = decider.initial) {
    if (decider.fold)
        return decider.fold(from, events);
    let state = from;
    for (const event of events)
        state = decider.evolve(state, event);
    return state;
}
//# sourceMappingURL=decider.js.map