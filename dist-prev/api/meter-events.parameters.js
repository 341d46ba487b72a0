var __decorate = (this && this.__decorate) || function (decorators, target, key, desc) {
    var c = arguments.length, r = c < 3 ? target : desc === null ? desc = Object.getOwnPropertyDescriptor(target, key) : desc, d;
    if (typeof Reflect === "object" && typeof Reflect.decorate === "function") r = Reflect.decorate(decorators, target, key, desc);
    else for (var i = decorators.length - 1; i >= 0; i--) if (d = decorators[i]) r = (c < 3 ? d(r) : c > 3 ? d(target, key, r) : d(target, key)) || r;
    return c > 3 && r && Object.defineProperty(target, key, r), r;
};
var __metadata = (this && this.__metadata) || function (k, v) {
    if (typeof Reflect === "object" && typeof Reflect.metadata === "function") return Reflect.metadata(k, v);
};
/** Parameters of meter events and their adjustments, v1 and v2. stripe-metering §2.1, §3.3, §4. */
import { EVENT_NAME_LENGTH_MAX } from '../domain/meter-catalogue.js';
import { IDENTIFIER_LENGTH_MAX } from '../domain/meter-event.js';
import { Choice, Hash, IntegerText, StringMap, Text, Timestamp, V1Parameters } from './stripe/parameter-decorators.js';
import { UNIX_SECONDS_MAX } from './stripe/unix-time.js';
const eventName = { lengthMax: EVENT_NAME_LENGTH_MAX, description: 'Event name of the meter.' };
const payload = {
    description: 'Must hold the customer and, unless the meter counts, the value, under the keys of the meter.',
};
const identifier = {
    optional: true,
    lengthMax: IDENTIFIER_LENGTH_MAX,
    description: 'Counts once per meter, for ever. Made if left out.',
};
export class CreateMeterEventParameters extends V1Parameters {
    event_name;
    payload;
    identifier;
    timestamp;
}
__decorate([
    Text(eventName),
    __metadata("design:type", String)
], CreateMeterEventParameters.prototype, "event_name", void 0);
__decorate([
    StringMap(payload),
    __metadata("design:type", Object)
], CreateMeterEventParameters.prototype, "payload", void 0);
__decorate([
    Text(identifier),
    __metadata("design:type", String)
], CreateMeterEventParameters.prototype, "identifier", void 0);
__decorate([
    IntegerText({
        optional: true,
        min: -UNIX_SECONDS_MAX,
        max: UNIX_SECONDS_MAX,
        description: 'Unix seconds: at most 35 days back and 5 minutes ahead. The time of receipt if left out.',
    }),
    __metadata("design:type", Number)
], CreateMeterEventParameters.prototype, "timestamp", void 0);
export class CreateV2MeterEventParameters {
    event_name;
    payload;
    identifier;
    timestamp;
}
__decorate([
    Text(eventName),
    __metadata("design:type", String)
], CreateV2MeterEventParameters.prototype, "event_name", void 0);
__decorate([
    StringMap(payload),
    __metadata("design:type", Object)
], CreateV2MeterEventParameters.prototype, "payload", void 0);
__decorate([
    Text(identifier),
    __metadata("design:type", String)
], CreateV2MeterEventParameters.prototype, "identifier", void 0);
__decorate([
    Timestamp({
        optional: true,
        description: 'RFC 3339: at most 35 days back and 5 minutes ahead. The time of receipt if left out.',
    }),
    __metadata("design:type", Number)
], CreateV2MeterEventParameters.prototype, "timestamp", void 0);
export class CancelParameters {
    identifier;
}
__decorate([
    Text({ lengthMax: IDENTIFIER_LENGTH_MAX, description: 'Identifier of the meter event to cancel.' }),
    __metadata("design:type", String)
], CancelParameters.prototype, "identifier", void 0);
export class CreateMeterEventAdjustmentParameters extends V1Parameters {
    event_name;
    type;
    cancel;
}
__decorate([
    Text(eventName),
    __metadata("design:type", String)
], CreateMeterEventAdjustmentParameters.prototype, "event_name", void 0);
__decorate([
    Choice(['cancel']),
    __metadata("design:type", String)
], CreateMeterEventAdjustmentParameters.prototype, "type", void 0);
__decorate([
    Hash(() => CancelParameters),
    __metadata("design:type", CancelParameters)
], CreateMeterEventAdjustmentParameters.prototype, "cancel", void 0);
export class CreateV2MeterEventAdjustmentParameters {
    cancel;
    event_name;
    type;
}
__decorate([
    Hash(() => CancelParameters),
    __metadata("design:type", CancelParameters)
], CreateV2MeterEventAdjustmentParameters.prototype, "cancel", void 0);
__decorate([
    Text(eventName),
    __metadata("design:type", String)
], CreateV2MeterEventAdjustmentParameters.prototype, "event_name", void 0);
__decorate([
    Choice(['cancel']),
    __metadata("design:type", String)
], CreateV2MeterEventAdjustmentParameters.prototype, "type", void 0);
//# sourceMappingURL=meter-events.parameters.js.map