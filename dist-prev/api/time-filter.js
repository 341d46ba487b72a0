var __decorate = (this && this.__decorate) || function (decorators, target, key, desc) {
    var c = arguments.length, r = c < 3 ? target : desc === null ? desc = Object.getOwnPropertyDescriptor(target, key) : desc, d;
    if (typeof Reflect === "object" && typeof Reflect.decorate === "function") r = Reflect.decorate(decorators, target, key, desc);
    else for (var i = decorators.length - 1; i >= 0; i--) if (d = decorators[i]) r = (c < 3 ? d(r) : c > 3 ? d(target, key, r) : d(target, key)) || r;
    return c > 3 && r && Object.defineProperty(target, key, r), r;
};
var __metadata = (this && this.__metadata) || function (k, v) {
    if (typeof Reflect === "object" && typeof Reflect.metadata === "function") return Reflect.metadata(k, v);
};
/** Bounds of an instant in a list, as Stripe's lists take them: `created[gte]=…`. */
import { IntegerText } from './stripe/parameter-decorators.js';
import { fromUnixSeconds, UNIX_SECONDS_MAX } from './stripe/unix-time.js';
const seconds = { optional: true, min: 0, max: UNIX_SECONDS_MAX };
export class TimeFilterParameters {
    gt;
    gte;
    lt;
    lte;
}
__decorate([
    IntegerText({ ...seconds, description: 'Unix seconds; after.' }),
    __metadata("design:type", Number)
], TimeFilterParameters.prototype, "gt", void 0);
__decorate([
    IntegerText({ ...seconds, description: 'Unix seconds; at or after.' }),
    __metadata("design:type", Number)
], TimeFilterParameters.prototype, "gte", void 0);
__decorate([
    IntegerText({ ...seconds, description: 'Unix seconds; before.' }),
    __metadata("design:type", Number)
], TimeFilterParameters.prototype, "lt", void 0);
__decorate([
    IntegerText({ ...seconds, description: 'Unix seconds; at or before.' }),
    __metadata("design:type", Number)
], TimeFilterParameters.prototype, "lte", void 0);
/** The narrowest of the bounds. A second is as long as its milliseconds, so `gt` and `lte` end where the next one begins. */
export function timeFilter(parameters) {
    const { gt, gte, lt, lte } = parameters ?? {};
    const from = [gte, gt === undefined ? undefined : gt + 1].filter((bound) => bound !== undefined);
    const to = [lt, lte === undefined ? undefined : lte + 1].filter((bound) => bound !== undefined);
    return {
        from: from.length === 0 ? null : fromUnixSeconds(Math.max(...from)),
        to: to.length === 0 ? null : fromUnixSeconds(Math.min(...to)),
    };
}
//# sourceMappingURL=time-filter.js.map