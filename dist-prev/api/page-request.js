export function pageRequest({ limit, starting_after, ending_before }) {
    return { limit, startingAfter: starting_after ?? null, endingBefore: ending_before ?? null };
}
//# sourceMappingURL=page-request.js.map