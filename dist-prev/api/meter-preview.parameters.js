var __decorate = (this && this.__decorate) || function (decorators, target, key, desc) {
    var c = arguments.length, r = c < 3 ? target : desc === null ? desc = Object.getOwnPropertyDescriptor(target, key) : desc, d;
    if (typeof Reflect === "object" && typeof Reflect.decorate === "function") r = Reflect.decorate(decorators, target, key, desc);
    else for (var i = decorators.length - 1; i >= 0; i--) if (d = decorators[i]) r = (c < 3 ? d(r) : c > 3 ? d(target, key, r) : d(target, key)) || r;
    return c > 3 && r && Object.defineProperty(target, key, r), r;
};
var __metadata = (this && this.__metadata) || function (k, v) {
    if (typeof Reflect === "object" && typeof Reflect.metadata === "function") return Reflect.metadata(k, v);
};
/** Parameters of a preview: those of creating a meter, and what to try it on. */
import { EVENT_NAME_LENGTH_MAX } from '../domain/meter-catalogue.js';
import { CUSTOMER_LENGTH_MAX, IDENTIFIER_LENGTH_MAX } from '../domain/meter-event.js';
import { SAMPLE_EVENTS_MAX } from '../queries/preview-meter.js';
import { CreateMeterParameters, METER_ID_LENGTH_MAX } from './meters.parameters.js';
import { Choice, Hash, HashList, IntegerText, StringMap, Text } from './stripe/parameter-decorators.js';
import { UNIX_SECONDS_MAX } from './stripe/unix-time.js';
export class SampleEventParameters {
    payload;
    identifier;
    timestamp;
}
__decorate([
    StringMap({ description: 'As it would be sent.' }),
    __metadata("design:type", Object)
], SampleEventParameters.prototype, "payload", void 0);
__decorate([
    Text({ optional: true, lengthMax: IDENTIFIER_LENGTH_MAX }),
    __metadata("design:type", String)
], SampleEventParameters.prototype, "identifier", void 0);
__decorate([
    IntegerText({
        optional: true,
        min: -UNIX_SECONDS_MAX,
        max: UNIX_SECONDS_MAX,
        description: 'Unix seconds; now if left out.',
    }),
    __metadata("design:type", Number)
], SampleEventParameters.prototype, "timestamp", void 0);
export class PreviewedHistoryParameters {
    start_time;
    end_time;
    event_name;
    customer;
}
__decorate([
    IntegerText({ min: 0, max: UNIX_SECONDS_MAX, description: 'Unix seconds, on a full minute; inclusive.' }),
    __metadata("design:type", Number)
], PreviewedHistoryParameters.prototype, "start_time", void 0);
__decorate([
    IntegerText({ min: 0, max: UNIX_SECONDS_MAX, description: 'Unix seconds, on a full minute; exclusive.' }),
    __metadata("design:type", Number)
], PreviewedHistoryParameters.prototype, "end_time", void 0);
__decorate([
    Text({
        optional: true,
        lengthMax: EVENT_NAME_LENGTH_MAX,
        description: 'Whose events; the one of the meter if left out.',
    }),
    __metadata("design:type", String)
], PreviewedHistoryParameters.prototype, "event_name", void 0);
__decorate([
    Text({ optional: true, lengthMax: CUSTOMER_LENGTH_MAX, description: 'Only this customer; all if left out.' }),
    __metadata("design:type", String)
], PreviewedHistoryParameters.prototype, "customer", void 0);
export class PreviewMeterParameters extends CreateMeterParameters {
    sample_events;
    history;
    compare_to;
    value_grouping_window;
}
__decorate([
    HashList(() => SampleEventParameters, {
        optional: true,
        lengthMax: SAMPLE_EVENTS_MAX,
        description: 'Events to try it on, in the order of their receipt.',
    }),
    __metadata("design:type", Array)
], PreviewMeterParameters.prototype, "sample_events", void 0);
__decorate([
    Hash(() => PreviewedHistoryParameters, { optional: true, description: 'Events that were recorded, to try it on.' }),
    __metadata("design:type", PreviewedHistoryParameters)
], PreviewMeterParameters.prototype, "history", void 0);
__decorate([
    Text({ optional: true, lengthMax: METER_ID_LENGTH_MAX, description: 'Id of a meter to compare with.' }),
    __metadata("design:type", String)
], PreviewMeterParameters.prototype, "compare_to", void 0);
__decorate([
    Choice(['hour', 'day'], { optional: true, description: 'Usage by UTC hour or day beside the total.' }),
    __metadata("design:type", String)
], PreviewMeterParameters.prototype, "value_grouping_window", void 0);
//# sourceMappingURL=meter-preview.parameters.js.map