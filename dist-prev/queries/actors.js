export class Actors {
    keys;
    /** `keys` reads every key ever issued, revoked ones included. */
    constructor(keys) {
        this.keys = keys;
    }
    /** In the order asked for. */
    async of(ids) {
        const { keys } = await this.keys();
        return ids.map((id) => {
            const key = keys.get(id);
            return { id, name: key?.name ?? null, lastFour: key?.lastFour ?? null };
        });
    }
}
//# sourceMappingURL=actors.js.map