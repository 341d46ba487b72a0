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
/** `/meterbook/v1/projections`: how the read models stand, and building them anew while they serve. */
import { Controller, Get, HttpCode, Inject, Param, Post, Req, Res } from '@nestjs/common';
import { QueryBus } from '@nestjs/cqrs';
import { ApiBody, ApiConsumes, ApiOperation, ApiQuery, ApiTags } from '@nestjs/swagger';
import { CLOCK } from '../commands/environment.js';
import { ListProjections, projectionNames, REBUILDS, requireProjection, } from '../replay/projection-states.js';
import { Allow, callerOf } from './caller.js';
import { ApiError } from './stripe/api-error.js';
import { parseQuery } from './stripe/form.js';
import { Idempotency } from './stripe/idempotency.js';
import { list } from './stripe/list.js';
import { Choice, V1Parameters } from './stripe/parameter-decorators.js';
import { readParameters } from './stripe/parameters.js';
const PATH = '/meterbook/v1/projections';
const BODY_TYPES = ['application/x-www-form-urlencoded', 'application/json'];
export class RebuildParameters extends V1Parameters {
    keep;
}
__decorate([
    Choice(['true', 'false'], { optional: true, description: 'Whether the old tables stay in the file.' }),
    __metadata("design:type", String)
], RebuildParameters.prototype, "keep", void 0);
let ProjectionsController = class ProjectionsController {
    queries;
    idempotency;
    rebuilds;
    clock;
    constructor(queries, idempotency, rebuilds, clock) {
        this.queries = queries;
        this.idempotency = idempotency;
        this.rebuilds = rebuilds;
        this.clock = clock;
    }
    async list(request) {
        readParameters(V1Parameters, parseQuery(request.url));
        return list(PATH, (await this.states(request)).map(projectionObject), false);
    }
    async retrieve(name, request) {
        requireProjection(name);
        readParameters(V1Parameters, parseQuery(request.url));
        return this.show(name, request);
    }
    rebuildAll(request, reply) {
        return this.begin(projectionNames, request, reply, async () => list(PATH, (await this.states(request)).map(projectionObject), false));
    }
    rebuild(name, request, reply) {
        requireProjection(name);
        return this.begin([name], request, reply, () => this.show(name, request));
    }
    begin(projections, request, reply, answer) {
        const { keep } = readParameters(RebuildParameters, request.body);
        return this.idempotency.answer(request, reply, async () => {
            if (!this.rebuilds.beginRebuild({ projections, keep: keep === 'true' }))
                throw this.running();
            return { body: await answer(), appended: null, replayOf: null };
        }, ({ stream, revision }) => {
            throw new Error(`Event ${revision} of ${stream} carries the idempotency key of a rebuild.`);
        });
    }
    running() {
        return new ApiError({
            status: 409,
            type: 'invalid_request_error',
            code: 'rebuild_running',
            message: `A rebuild of ${this.rebuilds.rebuild?.projections.join(', ')} is running. Begin this one when it is done.`,
        });
    }
    states(request) {
        return this.queries.execute(new ListProjections(callerOf(request).ledger, this.clock.now()));
    }
    async show(name, request) {
        const state = (await this.states(request)).find((each) => each.name === name);
        return projectionObject(state);
    }
};
__decorate([
    Get(),
    Allow('read'),
    ApiQuery({ type: V1Parameters }),
    __param(0, Req()),
    __metadata("design:type", Function),
    __metadata("design:paramtypes", [Object]),
    __metadata("design:returntype", Promise)
], ProjectionsController.prototype, "list", null);
__decorate([
    Get(':name'),
    Allow('read'),
    ApiQuery({ type: V1Parameters }),
    __param(0, Param('name')),
    __param(1, Req()),
    __metadata("design:type", Function),
    __metadata("design:paramtypes", [String, Object]),
    __metadata("design:returntype", Promise)
], ProjectionsController.prototype, "retrieve", null);
__decorate([
    Post('rebuild'),
    HttpCode(202),
    ApiOperation({ summary: 'Build all projections anew beside the live ones, compare every row, and switch.' }),
    ApiConsumes(...BODY_TYPES),
    ApiBody({ type: RebuildParameters, required: false }),
    __param(0, Req()),
    __param(1, Res({ passthrough: true })),
    __metadata("design:type", Function),
    __metadata("design:paramtypes", [Object, Object]),
    __metadata("design:returntype", Promise)
], ProjectionsController.prototype, "rebuildAll", null);
__decorate([
    Post(':name/rebuild'),
    HttpCode(202),
    ApiOperation({ summary: 'Build one projection anew beside the live one, compare every row, and switch.' }),
    ApiConsumes(...BODY_TYPES),
    ApiBody({ type: RebuildParameters, required: false }),
    __param(0, Param('name')),
    __param(1, Req()),
    __param(2, Res({ passthrough: true })),
    __metadata("design:type", Function),
    __metadata("design:paramtypes", [String, Object, Object]),
    __metadata("design:returntype", Promise)
], ProjectionsController.prototype, "rebuild", null);
ProjectionsController = __decorate([
    ApiTags('Proof'),
    Controller('meterbook/v1/projections'),
    Allow(),
    __param(2, Inject(REBUILDS)),
    __param(3, Inject(CLOCK)),
    __metadata("design:paramtypes", [QueryBus,
        Idempotency, Object, Object])
], ProjectionsController);
export { ProjectionsController };
function projectionObject({ name, schema, position, sequence, lagEvents, lagMs, rebuild }) {
    return {
        id: name,
        object: 'meterbook.projection',
        lag_events: lagEvents,
        lag_seconds: lagMs / 1000,
        position,
        rebuild: rebuild && {
            difference_count: rebuild.differenceCount,
            differences: rebuild.differences,
            elapsed_seconds: rebuild.elapsedMs / 1000,
            failure: rebuild.failure,
            projections: rebuild.projections,
            rows: rebuild.rows,
            sequence: rebuild.sequence,
            status: rebuild.status,
            wanted_rows: rebuild.wantedRows,
            wanted_sequence: rebuild.wantedSequence,
        },
        schema,
        sequence,
    };
}
//# sourceMappingURL=projections.controller.js.map