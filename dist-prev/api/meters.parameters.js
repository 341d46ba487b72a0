var __decorate = (this && this.__decorate) || function (decorators, target, key, desc) {
    var c = arguments.length, r = c < 3 ? target : desc === null ? desc = Object.getOwnPropertyDescriptor(target, key) : desc, d;
    if (typeof Reflect === "object" && typeof Reflect.decorate === "function") r = Reflect.decorate(decorators, target, key, desc);
    else for (var i = decorators.length - 1; i >= 0; i--) if (d = decorators[i]) r = (c < 3 ? d(r) : c > 3 ? d(target, key, r) : d(target, key)) || r;
    return c > 3 && r && Object.defineProperty(target, key, r), r;
};
var __metadata = (this && this.__metadata) || function (k, v) {
    if (typeof Reflect === "object" && typeof Reflect.metadata === "function") return Reflect.metadata(k, v);
};
/** Parameters of the meter endpoints. stripe-metering §1.3, §1.6, §5.1, §5.2. */
import { formulaNames } from '../domain/aggregation.js';
import { DEFAULT_CUSTOMER_KEY, DEFAULT_VALUE_KEY, DISPLAY_NAME_LENGTH_MAX, EVENT_NAME_LENGTH_MAX, PAYLOAD_KEY_LENGTH_MAX, } from '../domain/meter-catalogue.js';
import { CUSTOMER_LENGTH_MAX } from '../domain/meter-event.js';
import { AsOfListParameters } from './as-of.parameters.js';
import { ListParameters } from './stripe/list.js';
import { Choice, Hash, IntegerText, StringList, StringMap, Text, V1Parameters } from './stripe/parameter-decorators.js';
import { UNIX_SECONDS_MAX } from './stripe/unix-time.js';
/** Longer than any meter id. */
export const METER_ID_LENGTH_MAX = 100;
export class DefaultAggregationParameters {
    formula;
}
__decorate([
    Choice(formulaNames, { description: 'sum adds values, count counts events, last takes the latest value.' }),
    __metadata("design:type", String)
], DefaultAggregationParameters.prototype, "formula", void 0);
export class CustomerMappingParameters {
    event_payload_key;
    type;
}
__decorate([
    Text({ lengthMax: PAYLOAD_KEY_LENGTH_MAX, description: 'Payload key that holds the customer.' }),
    __metadata("design:type", String)
], CustomerMappingParameters.prototype, "event_payload_key", void 0);
__decorate([
    Choice(['by_id']),
    __metadata("design:type", String)
], CustomerMappingParameters.prototype, "type", void 0);
export class ValueSettingsParameters {
    event_payload_key;
}
__decorate([
    Text({ lengthMax: PAYLOAD_KEY_LENGTH_MAX, description: 'Payload key that holds the value.' }),
    __metadata("design:type", String)
], ValueSettingsParameters.prototype, "event_payload_key", void 0);
export class CreateMeterParameters extends V1Parameters {
    display_name;
    event_name;
    default_aggregation;
    customer_mapping;
    event_time_window;
    value_settings;
    dimension_payload_keys;
}
__decorate([
    Text({ lengthMax: DISPLAY_NAME_LENGTH_MAX, description: "The meter's name, for people." }),
    __metadata("design:type", String)
], CreateMeterParameters.prototype, "display_name", void 0);
__decorate([
    Text({
        lengthMax: EVENT_NAME_LENGTH_MAX,
        description: 'Name of the meter events to count. Serves one active meter.',
    }),
    __metadata("design:type", String)
], CreateMeterParameters.prototype, "event_name", void 0);
__decorate([
    Hash(() => DefaultAggregationParameters),
    __metadata("design:type", DefaultAggregationParameters)
], CreateMeterParameters.prototype, "default_aggregation", void 0);
__decorate([
    Hash(() => CustomerMappingParameters, { optional: true }),
    __metadata("design:type", CustomerMappingParameters)
], CreateMeterParameters.prototype, "customer_mapping", void 0);
__decorate([
    Choice(['hour', 'day'], {
        optional: true,
        description: 'Counts only the event recorded last in each UTC hour or day. Left out, every event counts.',
    }),
    __metadata("design:type", String)
], CreateMeterParameters.prototype, "event_time_window", void 0);
__decorate([
    Hash(() => ValueSettingsParameters, { optional: true }),
    __metadata("design:type", ValueSettingsParameters)
], CreateMeterParameters.prototype, "value_settings", void 0);
__decorate([
    StringList({ optional: true, description: 'Payload keys to filter and group usage by. At most 10.' }),
    __metadata("design:type", Array)
], CreateMeterParameters.prototype, "dimension_payload_keys", void 0);
/** What is left out has its default. */
export function configurationOf(parameters) {
    return {
        displayName: parameters.display_name,
        eventName: parameters.event_name,
        formula: parameters.default_aggregation.formula,
        eventTimeWindow: (parameters.event_time_window ?? null),
        valueKey: parameters.value_settings?.event_payload_key ?? DEFAULT_VALUE_KEY,
        customerKey: parameters.customer_mapping?.event_payload_key ?? DEFAULT_CUSTOMER_KEY,
        dimensionKeys: parameters.dimension_payload_keys ?? [],
    };
}
export class UpdateMeterParameters extends V1Parameters {
    display_name;
}
__decorate([
    Text({ optional: true, lengthMax: DISPLAY_NAME_LENGTH_MAX, description: 'All that may change about a meter.' }),
    __metadata("design:type", String)
], UpdateMeterParameters.prototype, "display_name", void 0);
export class ListMetersParameters extends ListParameters {
    status;
}
__decorate([
    Choice(['active', 'inactive'], { optional: true }),
    __metadata("design:type", String)
], ListMetersParameters.prototype, "status", void 0);
export class ListEventSummariesParameters extends AsOfListParameters {
    customer;
    start_time;
    end_time;
    value_grouping_window;
    dimension_filters;
    dimension_group_by_keys;
}
__decorate([
    Text({ lengthMax: CUSTOMER_LENGTH_MAX, description: 'Whose usage.' }),
    __metadata("design:type", String)
], ListEventSummariesParameters.prototype, "customer", void 0);
__decorate([
    IntegerText({ min: 0, max: UNIX_SECONDS_MAX, description: 'Unix seconds, on a full minute; inclusive.' }),
    __metadata("design:type", Number)
], ListEventSummariesParameters.prototype, "start_time", void 0);
__decorate([
    IntegerText({ min: 0, max: UNIX_SECONDS_MAX, description: 'Unix seconds, on a full minute; exclusive.' }),
    __metadata("design:type", Number)
], ListEventSummariesParameters.prototype, "end_time", void 0);
__decorate([
    Choice(['hour', 'day'], { optional: true, description: 'One summary for each UTC hour or day that has usage.' }),
    __metadata("design:type", String)
], ListEventSummariesParameters.prototype, "value_grouping_window", void 0);
__decorate([
    StringMap({ optional: true, description: 'Dimension → the value it must have.' }),
    __metadata("design:type", Object)
], ListEventSummariesParameters.prototype, "dimension_filters", void 0);
__decorate([
    StringList({ optional: true, description: 'Dimensions to group by: one summary for each combination.' }),
    __metadata("design:type", Array)
], ListEventSummariesParameters.prototype, "dimension_group_by_keys", void 0);
//# sourceMappingURL=meters.parameters.js.map