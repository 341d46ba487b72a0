var __decorate = (this && this.__decorate) || function (decorators, target, key, desc) {
    var c = arguments.length, r = c < 3 ? target : desc === null ? desc = Object.getOwnPropertyDescriptor(target, key) : desc, d;
    if (typeof Reflect === "object" && typeof Reflect.decorate === "function") r = Reflect.decorate(decorators, target, key, desc);
    else for (var i = decorators.length - 1; i >= 0; i--) if (d = decorators[i]) r = (c < 3 ? d(r) : c > 3 ? d(target, key, r) : d(target, key)) || r;
    return c > 3 && r && Object.defineProperty(target, key, r), r;
};
var __metadata = (this && this.__metadata) || function (k, v) {
    if (typeof Reflect === "object" && typeof Reflect.metadata === "function") return Reflect.metadata(k, v);
};
/** Open rejections in the order they were refused, oldest first: what a bulk retry goes through, call by call. */
import { Query, QueryHandler } from '@nestjs/cqrs';
import { DomainError } from '../domain/errors.js';
import { Reader } from './reader.js';
import { findRejection, rejectionId, walkRejections } from './rejection-rows.js';
export class FindOpenRejections extends Query {
    context;
    filter;
    startingAfter;
    limit;
    constructor(context, filter, 
    /** Id of the last one of the call before; null: from the oldest. */
    startingAfter, limit) {
        super();
        this.context = context;
        this.filter = filter;
        this.startingAfter = startingAfter;
        this.limit = limit;
    }
}
let FindOpenRejectionsHandler = class FindOpenRejectionsHandler {
    reader;
    constructor(reader) {
        this.reader = reader;
    }
    /** @throws DomainError for an unknown meter or cursor, or a filter that finds too little in too much. */
    async execute({ context, filter, startingAfter, limit }) {
        const { result } = await this.reader.read(context, 'usage-rejections', async (rows) => {
            const last = startingAfter === null ? null : await findRejection(rows, context.ledger, startingAfter);
            if (startingAfter !== null && !last) {
                throw new DomainError('resource_missing', `No such item: '${startingAfter}'.`, 'starting_after');
            }
            return walkRejections(rows, context.ledger, { ...filter, status: 'open' }, { direction: 'oldest-first', after: last?.revision ?? null, limit: limit + 1 });
        });
        const revisions = result.slice(0, limit).map(({ revision }) => revision);
        const last = revisions.at(-1);
        return { revisions, lastId: last === undefined ? null : rejectionId(last), hasMore: result.length > limit };
    }
};
FindOpenRejectionsHandler = __decorate([
    QueryHandler(FindOpenRejections),
    __metadata("design:paramtypes", [Reader])
], FindOpenRejectionsHandler);
export { FindOpenRejectionsHandler };
//# sourceMappingURL=find-open-rejections.js.map