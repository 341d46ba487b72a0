var __decorate = (this && this.__decorate) || function (decorators, target, key, desc) {
    var c = arguments.length, r = c < 3 ? target : desc === null ? desc = Object.getOwnPropertyDescriptor(target, key) : desc, d;
    if (typeof Reflect === "object" && typeof Reflect.decorate === "function") r = Reflect.decorate(decorators, target, key, desc);
    else for (var i = decorators.length - 1; i >= 0; i--) if (d = decorators[i]) r = (c < 3 ? d(r) : c > 3 ? d(target, key, r) : d(target, key)) || r;
    return c > 3 && r && Object.defineProperty(target, key, r), r;
};
var __metadata = (this && this.__metadata) || function (k, v) {
    if (typeof Reflect === "object" && typeof Reflect.metadata === "function") return Reflect.metadata(k, v);
};
/** Parameters of the rejection endpoints. */
import { RETRIES_MAX } from '../commands/retry-rejections.js';
import { EVENT_NAME_LENGTH_MAX } from '../domain/meter-catalogue.js';
import { IDENTIFIER_LENGTH_MAX } from '../domain/meter-event.js';
import { METER_ID_LENGTH_MAX } from './meters.parameters.js';
import { CURSOR_LENGTH_MAX, ListParameters } from './stripe/list.js';
import { Choice, Hash, IntegerText, Text, V1Parameters } from './stripe/parameter-decorators.js';
import { TimeFilterParameters } from './time-filter.js';
const CODE_LENGTH_MAX = 100;
const RETRIES_DEFAULT = 100;
const meter = { optional: true, lengthMax: METER_ID_LENGTH_MAX, description: 'Id of the meter that refused.' };
const eventName = { optional: true, lengthMax: EVENT_NAME_LENGTH_MAX };
const code = { optional: true, lengthMax: CODE_LENGTH_MAX, description: 'Why it was refused.' };
const identifier = { optional: true, lengthMax: IDENTIFIER_LENGTH_MAX };
const created = { optional: true, description: 'When it was received.' };
export class ListRejectionsParameters extends ListParameters {
    meter;
    event_name;
    code;
    identifier;
    status;
    created;
}
__decorate([
    Text(meter),
    __metadata("design:type", String)
], ListRejectionsParameters.prototype, "meter", void 0);
__decorate([
    Text(eventName),
    __metadata("design:type", String)
], ListRejectionsParameters.prototype, "event_name", void 0);
__decorate([
    Text(code),
    __metadata("design:type", String)
], ListRejectionsParameters.prototype, "code", void 0);
__decorate([
    Text(identifier),
    __metadata("design:type", String)
], ListRejectionsParameters.prototype, "identifier", void 0);
__decorate([
    Choice(['open', 'resolved'], { optional: true }),
    __metadata("design:type", String)
], ListRejectionsParameters.prototype, "status", void 0);
__decorate([
    Hash(() => TimeFilterParameters, created),
    __metadata("design:type", TimeFilterParameters)
], ListRejectionsParameters.prototype, "created", void 0);
export class CountRejectionsParameters extends V1Parameters {
    meter;
    created;
}
__decorate([
    Text(meter),
    __metadata("design:type", String)
], CountRejectionsParameters.prototype, "meter", void 0);
__decorate([
    Hash(() => TimeFilterParameters, { optional: true, description: 'When they were received; on full 10 seconds.' }),
    __metadata("design:type", TimeFilterParameters)
], CountRejectionsParameters.prototype, "created", void 0);
export class ListRejectionReportsParameters extends ListParameters {
    meter;
    created;
}
__decorate([
    Text(meter),
    __metadata("design:type", String)
], ListRejectionReportsParameters.prototype, "meter", void 0);
__decorate([
    Hash(() => TimeFilterParameters, { optional: true, description: 'When the window of the report began.' }),
    __metadata("design:type", TimeFilterParameters)
], ListRejectionReportsParameters.prototype, "created", void 0);
export class RetryRejectionsParameters extends V1Parameters {
    meter;
    event_name;
    code;
    identifier;
    status;
    created;
    limit = RETRIES_DEFAULT;
    starting_after;
}
__decorate([
    Text(meter),
    __metadata("design:type", String)
], RetryRejectionsParameters.prototype, "meter", void 0);
__decorate([
    Text(eventName),
    __metadata("design:type", String)
], RetryRejectionsParameters.prototype, "event_name", void 0);
__decorate([
    Text(code),
    __metadata("design:type", String)
], RetryRejectionsParameters.prototype, "code", void 0);
__decorate([
    Text(identifier),
    __metadata("design:type", String)
], RetryRejectionsParameters.prototype, "identifier", void 0);
__decorate([
    Choice(['open'], { optional: true, description: 'Only open ones are retried.' }),
    __metadata("design:type", String)
], RetryRejectionsParameters.prototype, "status", void 0);
__decorate([
    Hash(() => TimeFilterParameters, created),
    __metadata("design:type", TimeFilterParameters)
], RetryRejectionsParameters.prototype, "created", void 0);
__decorate([
    IntegerText({ optional: true, min: 1, max: RETRIES_MAX, default: RETRIES_DEFAULT }),
    __metadata("design:type", Number)
], RetryRejectionsParameters.prototype, "limit", void 0);
__decorate([
    Text({
        optional: true,
        lengthMax: CURSOR_LENGTH_MAX,
        description: '`last` of the call before: goes on after those that were still refused.',
    }),
    __metadata("design:type", String)
], RetryRejectionsParameters.prototype, "starting_after", void 0);
//# sourceMappingURL=rejections.parameters.js.map