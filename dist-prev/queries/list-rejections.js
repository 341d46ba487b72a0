var __decorate = (this && this.__decorate) || function (decorators, target, key, desc) {
    var c = arguments.length, r = c < 3 ? target : desc === null ? desc = Object.getOwnPropertyDescriptor(target, key) : desc, d;
    if (typeof Reflect === "object" && typeof Reflect.decorate === "function") r = Reflect.decorate(decorators, target, key, desc);
    else for (var i = decorators.length - 1; i >= 0; i--) if (d = decorators[i]) r = (c < 3 ? d(r) : c > 3 ? d(target, key, r) : d(target, key)) || r;
    return c > 3 && r && Object.defineProperty(target, key, r), r;
};
var __metadata = (this && this.__metadata) || function (k, v) {
    if (typeof Reflect === "object" && typeof Reflect.metadata === "function") return Reflect.metadata(k, v);
};
/** Refused meter events of a ledger, newest first. */
import { Query, QueryHandler } from '@nestjs/cqrs';
import { toPage, unknownCursor } from './page.js';
import { Reader } from './reader.js';
import { findRejection, viewRejection, walkRejections, } from './rejection-rows.js';
export class ListRejections extends Query {
    context;
    filter;
    page;
    constructor(context, filter, page) {
        super();
        this.context = context;
        this.filter = filter;
        this.page = page;
    }
}
let ListRejectionsHandler = class ListRejectionsHandler {
    reader;
    constructor(reader) {
        this.reader = reader;
    }
    /** @throws DomainError for an unknown meter or cursor, or a filter that finds too little in too much. */
    async execute({ context, filter, page }) {
        return this.reader.read(context, 'usage-rejections', async (rows) => {
            const cursor = page.startingAfter ?? page.endingBefore;
            const before = cursor === null ? null : await findRejection(rows, context.ledger, cursor);
            if (cursor !== null && !before)
                return unknownCursor(page);
            const found = await walkRejections(rows, context.ledger, filter, {
                direction: page.endingBefore === null ? 'newest-first' : 'oldest-first',
                after: before?.revision ?? null,
                limit: page.limit + 1,
            });
            return toPage(page, found.map(viewRejection));
        });
    }
};
ListRejectionsHandler = __decorate([
    QueryHandler(ListRejections),
    __metadata("design:paramtypes", [Reader])
], ListRejectionsHandler);
export { ListRejectionsHandler };
//# sourceMappingURL=list-rejections.js.map