var __decorate = (this && this.__decorate) || function (decorators, target, key, desc) {
    var c = arguments.length, r = c < 3 ? target : desc === null ? desc = Object.getOwnPropertyDescriptor(target, key) : desc, d;
    if (typeof Reflect === "object" && typeof Reflect.decorate === "function") r = Reflect.decorate(decorators, target, key, desc);
    else for (var i = decorators.length - 1; i >= 0; i--) if (d = decorators[i]) r = (c < 3 ? d(r) : c > 3 ? d(target, key, r) : d(target, key)) || r;
    return c > 3 && r && Object.defineProperty(target, key, r), r;
};
var __metadata = (this && this.__metadata) || function (k, v) {
    if (typeof Reflect === "object" && typeof Reflect.metadata === "function") return Reflect.metadata(k, v);
};
/** The history of one meter, newest first: each of its events, with what it changed and who did it. */
import { Query, QueryHandler } from '@nestjs/cqrs';
import { meterChanges } from '../read-model/tables.js';
import { Actors } from './actors.js';
import { toPage, unknownCursor } from './page.js';
import { Reader, requireMeter } from './reader.js';
export class ListMeterChanges extends Query {
    context;
    meterId;
    page;
    constructor(context, meterId, page) {
        super();
        this.context = context;
        this.meterId = meterId;
        this.page = page;
    }
}
const ID = /^mtrchg_([1-9]\d{0,14})$/;
let ListMeterChangesHandler = class ListMeterChangesHandler {
    reader;
    actors;
    constructor(reader, actors) {
        this.reader = reader;
        this.actors = actors;
    }
    /** @throws DomainError for an unknown meter or cursor. */
    async execute({ context, meterId, page }) {
        const { result, position } = await this.reader.read(context, 'meter-changes', async (rows) => {
            await requireMeter(rows, context.ledger, meterId);
            const cursor = await cursorRevision(rows, meterId, page);
            const forwards = page.endingBefore === null;
            const found = await rows.range(meterChanges, {
                prefix: [meterId],
                ...(cursor === null ? {} : forwards ? { to: cursor } : { from: cursor + 1 }),
                reverse: forwards,
                limit: page.limit + 1,
            });
            return toPage(page, found);
        });
        const actors = await this.actors.of(result.items.map(({ actor }) => actor));
        const items = result.items.map((row, index) => view(row, actors[index]));
        return { result: { items, hasMore: result.hasMore }, position };
    }
};
ListMeterChangesHandler = __decorate([
    QueryHandler(ListMeterChanges),
    __metadata("design:paramtypes", [Reader,
        Actors])
], ListMeterChangesHandler);
export { ListMeterChangesHandler };
function view({ revision, type, displayName, previousDisplayName, at, requestId }, actor) {
    return {
        id: `mtrchg_${revision}`,
        type: type,
        displayName,
        previousDisplayName,
        at,
        requestId,
        actor,
    };
}
async function cursorRevision(rows, meterId, page) {
    const id = page.startingAfter ?? page.endingBefore;
    if (id === null)
        return null;
    const revision = Number(ID.exec(id)?.[1] ?? 0);
    const [row] = await rows.get(meterChanges, [[meterId, revision]]);
    return row ? row.revision : unknownCursor(page);
}
//# sourceMappingURL=list-meter-changes.js.map