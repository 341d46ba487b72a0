export function changedMeter({ state, appended, replayOf }, meterId, readYourWrites) {
    const meter = state.meters.get(meterId);
    if (!meter)
        throw new Error(`Meter ${meterId} is not in the state its own command left.`);
    if (appended)
        readYourWrites.acknowledgeMeter(appended.position);
    return { meter, appended, replayOf };
}
//# sourceMappingURL=changed-meter.js.map