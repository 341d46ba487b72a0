var __decorate = (this && this.__decorate) || function (decorators, target, key, desc) {
    var c = arguments.length, r = c < 3 ? target : desc === null ? desc = Object.getOwnPropertyDescriptor(target, key) : desc, d;
    if (typeof Reflect === "object" && typeof Reflect.decorate === "function") r = Reflect.decorate(decorators, target, key, desc);
    else for (var i = decorators.length - 1; i >= 0; i--) if (d = decorators[i]) r = (c < 3 ? d(r) : c > 3 ? d(target, key, r) : d(target, key)) || r;
    return c > 3 && r && Object.defineProperty(target, key, r), r;
};
var __metadata = (this && this.__metadata) || function (k, v) {
    if (typeof Reflect === "object" && typeof Reflect.metadata === "function") return Reflect.metadata(k, v);
};
/** One refused meter event of a ledger. */
import { Query, QueryHandler } from '@nestjs/cqrs';
import { DomainError } from '../domain/errors.js';
import { Reader } from './reader.js';
import { findRejection, viewRejection } from './rejection-rows.js';
export class GetRejection extends Query {
    context;
    id;
    constructor(context, id) {
        super();
        this.context = context;
        this.id = id;
    }
}
let GetRejectionHandler = class GetRejectionHandler {
    reader;
    constructor(reader) {
        this.reader = reader;
    }
    /** @throws DomainError `resource_missing`. */
    async execute({ context, id }) {
        return this.reader.read(context, 'usage-rejections', async (rows) => {
            const row = await findRejection(rows, context.ledger, id);
            if (!row)
                throw new DomainError('resource_missing', `No such rejection: '${id}'.`, 'id');
            return viewRejection(row);
        });
    }
};
GetRejectionHandler = __decorate([
    QueryHandler(GetRejection),
    __metadata("design:paramtypes", [Reader])
], GetRejectionHandler);
export { GetRejectionHandler };
//# sourceMappingURL=get-rejection.js.map