var __decorate = (this && this.__decorate) || function (decorators, target, key, desc) {
    var c = arguments.length, r = c < 3 ? target : desc === null ? desc = Object.getOwnPropertyDescriptor(target, key) : desc, d;
    if (typeof Reflect === "object" && typeof Reflect.decorate === "function") r = Reflect.decorate(decorators, target, key, desc);
    else for (var i = decorators.length - 1; i >= 0; i--) if (d = decorators[i]) r = (c < 3 ? d(r) : c > 3 ? d(target, key, r) : d(target, key)) || r;
    return c > 3 && r && Object.defineProperty(target, key, r), r;
};
var __metadata = (this && this.__metadata) || function (k, v) {
    if (typeof Reflect === "object" && typeof Reflect.metadata === "function") return Reflect.metadata(k, v);
};
/** Stripe's v1 lists: pages of at most 100, walked forwards after an object or backwards before one, never both. */
import { IntegerText, Text, V1Parameters } from './parameter-decorators.js';
export const PAGE_LENGTH_MAX = 100;
export const PAGE_LENGTH_DEFAULT = 10;
/** Longer than any id Meterbook gives out. */
export const CURSOR_LENGTH_MAX = 255;
export class ListParameters extends V1Parameters {
    limit = PAGE_LENGTH_DEFAULT;
    /** Exclusive: the page begins after this object. */
    starting_after;
    /** Exclusive: the page ends before this object. */
    ending_before;
}
__decorate([
    IntegerText({ min: 1, max: PAGE_LENGTH_MAX, default: PAGE_LENGTH_DEFAULT, optional: true }),
    __metadata("design:type", Number)
], ListParameters.prototype, "limit", void 0);
__decorate([
    Text({ optional: true, lengthMax: CURSOR_LENGTH_MAX }),
    __metadata("design:type", String)
], ListParameters.prototype, "starting_after", void 0);
__decorate([
    Text({ optional: true, lengthMax: CURSOR_LENGTH_MAX, exclusiveWith: 'starting_after' }),
    __metadata("design:type", String)
], ListParameters.prototype, "ending_before", void 0);
/** `url` is the path of the list, without its query. */
export function list(url, data, hasMore) {
    return { object: 'list', data, has_more: hasMore, url };
}
//# sourceMappingURL=list.js.map