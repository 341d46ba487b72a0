var __decorate = (this && this.__decorate) || function (decorators, target, key, desc) {
    var c = arguments.length, r = c < 3 ? target : desc === null ? desc = Object.getOwnPropertyDescriptor(target, key) : desc, d;
    if (typeof Reflect === "object" && typeof Reflect.decorate === "function") r = Reflect.decorate(decorators, target, key, desc);
    else for (var i = decorators.length - 1; i >= 0; i--) if (d = decorators[i]) r = (c < 3 ? d(r) : c > 3 ? d(target, key, r) : d(target, key)) || r;
    return c > 3 && r && Object.defineProperty(target, key, r), r;
};
var __metadata = (this && this.__metadata) || function (k, v) {
    if (typeof Reflect === "object" && typeof Reflect.metadata === "function") return Reflect.metadata(k, v);
};
/** The meters of a ledger, newest first. */
import { Query, QueryHandler } from '@nestjs/cqrs';
import { toMeter } from '../projections/meters.js';
import { meters } from '../read-model/tables.js';
import { toPage, unknownCursor } from './page.js';
import { Reader } from './reader.js';
export class ListMeters extends Query {
    context;
    status;
    page;
    constructor(context, status, page) {
        super();
        this.context = context;
        this.status = status;
        this.page = page;
    }
}
let ListMetersHandler = class ListMetersHandler {
    reader;
    constructor(reader) {
        this.reader = reader;
    }
    /** @throws DomainError `resource_missing` for a cursor that is no meter of this ledger. */
    async execute({ context, status, page }) {
        return this.reader.read(context, 'meters', async (rows) => {
            const forwards = page.endingBefore === null;
            const cursor = await cursorNumber(rows, context.ledger, page);
            const found = await rows.range(meters, {
                index: 'ledger',
                prefix: [context.ledger],
                ...(cursor === null ? {} : forwards ? { to: cursor } : { from: cursor + 1 }),
                ...(status === null ? {} : { where: { status } }),
                reverse: forwards,
                limit: page.limit + 1,
            });
            return toPage(page, found.map(toMeter));
        });
    }
};
ListMetersHandler = __decorate([
    QueryHandler(ListMeters),
    __metadata("design:paramtypes", [Reader])
], ListMetersHandler);
export { ListMetersHandler };
async function cursorNumber(rows, ledger, page) {
    const id = page.startingAfter ?? page.endingBefore;
    if (id === null)
        return null;
    const [row] = await rows.get(meters, [[id]], 'meterId');
    return row?.ledger === ledger ? row.number : unknownCursor(page);
}
//# sourceMappingURL=list-meters.js.map