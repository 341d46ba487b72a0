var __decorate = (this && this.__decorate) || function (decorators, target, key, desc) {
    var c = arguments.length, r = c < 3 ? target : desc === null ? desc = Object.getOwnPropertyDescriptor(target, key) : desc, d;
    if (typeof Reflect === "object" && typeof Reflect.decorate === "function") r = Reflect.decorate(decorators, target, key, desc);
    else for (var i = decorators.length - 1; i >= 0; i--) if (d = decorators[i]) r = (c < 3 ? d(r) : c > 3 ? d(target, key, r) : d(target, key)) || r;
    return c > 3 && r && Object.defineProperty(target, key, r), r;
};
var __metadata = (this && this.__metadata) || function (k, v) {
    if (typeof Reflect === "object" && typeof Reflect.metadata === "function") return Reflect.metadata(k, v);
};
/** Which usage records a proof is about. */
import { CUSTOMER_LENGTH_MAX } from '../domain/meter-event.js';
import { METER_ID_LENGTH_MAX } from './meters.parameters.js';
import { Hash, Text, V1Parameters } from './stripe/parameter-decorators.js';
import { TimeFilterParameters } from './time-filter.js';
export class UsageSelectionParameters extends V1Parameters {
    meter;
    customer;
    timestamp;
}
__decorate([
    Text({ optional: true, lengthMax: METER_ID_LENGTH_MAX, description: 'Id of the meter; of all meters by default.' }),
    __metadata("design:type", String)
], UsageSelectionParameters.prototype, "meter", void 0);
__decorate([
    Text({ optional: true, lengthMax: CUSTOMER_LENGTH_MAX }),
    __metadata("design:type", String)
], UsageSelectionParameters.prototype, "customer", void 0);
__decorate([
    Hash(() => TimeFilterParameters, { optional: true, description: 'When it happened.' }),
    __metadata("design:type", TimeFilterParameters)
], UsageSelectionParameters.prototype, "timestamp", void 0);
//# sourceMappingURL=usage-selection.parameters.js.map