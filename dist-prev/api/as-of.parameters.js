var __decorate = (this && this.__decorate) || function (decorators, target, key, desc) {
    var c = arguments.length, r = c < 3 ? target : desc === null ? desc = Object.getOwnPropertyDescriptor(target, key) : desc, d;
    if (typeof Reflect === "object" && typeof Reflect.decorate === "function") r = Reflect.decorate(decorators, target, key, desc);
    else for (var i = decorators.length - 1; i >= 0; i--) if (d = decorators[i]) r = (c < 3 ? d(r) : c > 3 ? d(target, key, r) : d(target, key)) || r;
    return c > 3 && r && Object.defineProperty(target, key, r), r;
};
var __metadata = (this && this.__metadata) || function (k, v) {
    if (typeof Reflect === "object" && typeof Reflect.metadata === "function") return Reflect.metadata(k, v);
};
import { CURSOR_LENGTH_MAX, ListParameters } from './stripe/list.js';
import { IntegerText, Text, V1Parameters } from './stripe/parameter-decorators.js';
import { fromUnixSeconds, UNIX_SECONDS_MAX } from './stripe/unix-time.js';
const asOf = IntegerText({
    optional: true,
    min: 0,
    max: UNIX_SECONDS_MAX,
    description: 'Unix seconds: the answer as it was at this instant, with all that had been received by then.',
});
const asOfPosition = Text({
    optional: true,
    lengthMax: CURSOR_LENGTH_MAX,
    exclusiveWith: 'as_of',
    description: 'A position of an earlier answer: the answer as it was there.',
});
export class AsOfListParameters extends ListParameters {
    as_of;
    as_of_position;
}
__decorate([
    asOf,
    __metadata("design:type", Number)
], AsOfListParameters.prototype, "as_of", void 0);
__decorate([
    asOfPosition,
    __metadata("design:type", String)
], AsOfListParameters.prototype, "as_of_position", void 0);
/** As `AsOfListParameters`, of what is no list or one that is only walked forwards. */
export class AsOfOnlyParameters extends V1Parameters {
    as_of;
    as_of_position;
}
__decorate([
    asOf,
    __metadata("design:type", Number)
], AsOfOnlyParameters.prototype, "as_of", void 0);
__decorate([
    asOfPosition,
    __metadata("design:type", String)
], AsOfOnlyParameters.prototype, "as_of_position", void 0);
/** null: as it stands. */
export function asOfRequest({ as_of, as_of_position }, now) {
    if (as_of !== undefined)
        return { type: 'instant', at: fromUnixSeconds(as_of), now };
    if (as_of_position !== undefined)
        return { type: 'position', position: as_of_position };
    return null;
}
//# sourceMappingURL=as-of.parameters.js.map