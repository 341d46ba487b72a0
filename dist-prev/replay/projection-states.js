var __decorate = (this && this.__decorate) || function (decorators, target, key, desc) {
    var c = arguments.length, r = c < 3 ? target : desc === null ? desc = Object.getOwnPropertyDescriptor(target, key) : desc, d;
    if (typeof Reflect === "object" && typeof Reflect.decorate === "function") r = Reflect.decorate(decorators, target, key, desc);
    else for (var i = decorators.length - 1; i >= 0; i--) if (d = decorators[i]) r = (c < 3 ? d(r) : c > 3 ? d(target, key, r) : d(target, key)) || r;
    return c > 3 && r && Object.defineProperty(target, key, r), r;
};
var __metadata = (this && this.__metadata) || function (k, v) {
    if (typeof Reflect === "object" && typeof Reflect.metadata === "function") return Reflect.metadata(k, v);
};
var __param = (this && this.__param) || function (paramIndex, decorator) {
    return function (target, key) { decorator(target, key, paramIndex); }
};
/** How each projection stands: how far behind the log it is, and whether it is being built anew. */
import { Inject } from '@nestjs/common';
import { Query, QueryHandler } from '@nestjs/cqrs';
import { DomainError } from '../domain/errors.js';
import { EVENT_STORE } from '../event-store/event-store.js';
import { categories } from '../event-store/streams.js';
import { allProjections } from '../projections/projections.js';
import { READ_MODEL } from '../read-model/read-model.js';
import { scopeOf } from './row-scope.js';
export const REBUILDS = Symbol('Rebuilds');
/** Events that are counted for a lag; beyond it, it is at least so much. */
export const LAG_EVENTS_MAX = 10_000;
export const projectionNames = allProjections(() => undefined).map(({ projection }) => projection);
/** @throws DomainError */
export function requireProjection(name) {
    if (projectionNames.includes(name))
        return;
    throw new DomainError('resource_missing', `No such projection: '${name}'. There are ${projectionNames.join(', ')}.`, 'name');
}
export class ListProjections extends Query {
    ledger;
    now;
    constructor(ledger, 
    /** Milliseconds since the epoch. */
    now) {
        super();
        this.ledger = ledger;
        this.now = now;
    }
}
let ListProjectionsHandler = class ListProjectionsHandler {
    readModel;
    store;
    rebuilds;
    constructor(readModel, store, rebuilds) {
        this.readModel = readModel;
        this.store = store;
        this.rebuilds = rebuilds;
    }
    async execute({ ledger, now }) {
        const projections = allProjections(() => undefined);
        const checkpoints = await this.readModel.snapshot((rows) => Promise.all(projections.map(({ projection }) => rows.checkpoint(projection))));
        const rebuild = await this.rebuildFor(ledger);
        const lags = new Map();
        const states = [];
        for (const [index, { projection: name, schema }] of projections.entries()) {
            const { position, sequence } = checkpoints[index];
            const lag = lags.get(position) ?? (await this.lagBehind(position, now));
            lags.set(position, lag);
            const isRebuilt = rebuild?.projections.includes(name) === true;
            states.push({ name, schema, position, sequence, ...lag, rebuild: isRebuilt ? rebuild : null });
        }
        return states;
    }
    async lagBehind(after, now) {
        let lagEvents = 0;
        let first = null;
        for await (const page of this.store.readAll({ after, categories: Object.values(categories) })) {
            first ??= page[0] ? instantOf(page[0]) : null;
            lagEvents += page.length;
            if (lagEvents >= LAG_EVENTS_MAX)
                break;
        }
        return { lagEvents: Math.min(lagEvents, LAG_EVENTS_MAX), lagMs: first === null ? 0 : Math.max(0, now - first) };
    }
    async rebuildFor(ledger) {
        const { rebuild } = this.rebuilds;
        if (!rebuild)
            return null;
        const differences = [];
        for (const difference of rebuild.differences) {
            const scope = await scopeOf((difference.expected ?? difference.found), this.readModel);
            if (scope.ledger === ledger)
                differences.push(difference);
        }
        return { ...rebuild, differences };
    }
};
ListProjectionsHandler = __decorate([
    QueryHandler(ListProjections),
    __param(0, Inject(READ_MODEL)),
    __param(1, Inject(EVENT_STORE)),
    __param(2, Inject(REBUILDS)),
    __metadata("design:paramtypes", [Object, Object, Object])
], ListProjectionsHandler);
export { ListProjectionsHandler };
/** When an event was taken: each has exactly one of these. */
function instantOf({ data }) {
    for (const key of ['cancelledAt', 'recordedAt', 'createdAt', 'receivedAt', 'issuedAt', 'revokedAt', 'at']) {
        const instant = data[key];
        if (typeof instant === 'number')
            return instant;
    }
    return null;
}
//# sourceMappingURL=projection-states.js.map