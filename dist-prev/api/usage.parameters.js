var __decorate = (this && this.__decorate) || function (decorators, target, key, desc) {
    var c = arguments.length, r = c < 3 ? target : desc === null ? desc = Object.getOwnPropertyDescriptor(target, key) : desc, d;
    if (typeof Reflect === "object" && typeof Reflect.decorate === "function") r = Reflect.decorate(decorators, target, key, desc);
    else for (var i = decorators.length - 1; i >= 0; i--) if (d = decorators[i]) r = (c < 3 ? d(r) : c > 3 ? d(target, key, r) : d(target, key)) || r;
    return c > 3 && r && Object.defineProperty(target, key, r), r;
};
var __metadata = (this && this.__metadata) || function (k, v) {
    if (typeof Reflect === "object" && typeof Reflect.metadata === "function") return Reflect.metadata(k, v);
};
/** Usage of a meter by window and by customer, and of a customer by meter. */
import { CUSTOMER_LENGTH_MAX } from '../domain/meter-event.js';
import { customerOrders } from '../queries/get-usage-by-customer.js';
import { AsOfOnlyParameters } from './as-of.parameters.js';
import { Choice, IntegerText, StringList, StringMap, Text } from './stripe/parameter-decorators.js';
import { UNIX_SECONDS_MAX } from './stripe/unix-time.js';
/** Customers of one page: a list of them is scrolled through, not read page by page. */
export const PAGE_CUSTOMERS_MAX = 1_000;
const PAGE_CUSTOMERS_DEFAULT = 100;
class IntervalParameters extends AsOfOnlyParameters {
    start_time;
    end_time;
}
__decorate([
    IntegerText({ min: 0, max: UNIX_SECONDS_MAX, description: 'Unix seconds, on a full minute; inclusive.' }),
    __metadata("design:type", Number)
], IntervalParameters.prototype, "start_time", void 0);
__decorate([
    IntegerText({ min: 0, max: UNIX_SECONDS_MAX, description: 'Unix seconds, on a full minute; exclusive.' }),
    __metadata("design:type", Number)
], IntervalParameters.prototype, "end_time", void 0);
export class MeterUsageParameters extends IntervalParameters {
    value_grouping_window;
    customer;
    dimension_filters;
    dimension_group_by_keys;
}
__decorate([
    Choice(['hour', 'day'], { description: 'One entry for each UTC hour or day that has usage.' }),
    __metadata("design:type", String)
], MeterUsageParameters.prototype, "value_grouping_window", void 0);
__decorate([
    Text({ optional: true, lengthMax: CUSTOMER_LENGTH_MAX, description: 'Whose usage; of all customers by default.' }),
    __metadata("design:type", String)
], MeterUsageParameters.prototype, "customer", void 0);
__decorate([
    StringMap({ optional: true, description: 'Dimension → the value it must have.' }),
    __metadata("design:type", Object)
], MeterUsageParameters.prototype, "dimension_filters", void 0);
__decorate([
    StringList({ optional: true, description: 'Dimensions to split each window by.' }),
    __metadata("design:type", Array)
], MeterUsageParameters.prototype, "dimension_group_by_keys", void 0);
export class UsageByCustomerParameters extends IntervalParameters {
    order;
    limit = PAGE_CUSTOMERS_DEFAULT;
    starting_after;
    search;
    dimension_filters;
    format;
}
__decorate([
    Choice(customerOrders, { optional: true, description: 'Highest value first, the default of JSON, or by name.' }),
    __metadata("design:type", String)
], UsageByCustomerParameters.prototype, "order", void 0);
__decorate([
    IntegerText({ min: 1, max: PAGE_CUSTOMERS_MAX, default: PAGE_CUSTOMERS_DEFAULT, optional: true }),
    __metadata("design:type", Number)
], UsageByCustomerParameters.prototype, "limit", void 0);
__decorate([
    Text({ optional: true, lengthMax: CUSTOMER_LENGTH_MAX, description: 'Customer after whom the page begins.' }),
    __metadata("design:type", String)
], UsageByCustomerParameters.prototype, "starting_after", void 0);
__decorate([
    Text({ optional: true, lengthMax: CUSTOMER_LENGTH_MAX, description: "Part of the customers' names, in any case." }),
    __metadata("design:type", String)
], UsageByCustomerParameters.prototype, "search", void 0);
__decorate([
    StringMap({ optional: true, description: 'Dimension → the value it must have.' }),
    __metadata("design:type", Object)
], UsageByCustomerParameters.prototype, "dimension_filters", void 0);
__decorate([
    Choice(['json', 'csv'], { optional: true, description: 'csv: all customers, by name, as a file.' }),
    __metadata("design:type", String)
], UsageByCustomerParameters.prototype, "format", void 0);
export class CustomerUsageParameters extends IntervalParameters {
}
//# sourceMappingURL=usage.parameters.js.map