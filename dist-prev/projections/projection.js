/** The log contradicts itself: projecting stops rather than guess. */
export class ProjectionStopped extends Error {
    name = 'ProjectionStopped';
}
//# sourceMappingURL=projection.js.map