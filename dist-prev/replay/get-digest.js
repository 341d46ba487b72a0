var __decorate = (this && this.__decorate) || function (decorators, target, key, desc) {
    var c = arguments.length, r = c < 3 ? target : desc === null ? desc = Object.getOwnPropertyDescriptor(target, key) : desc, d;
    if (typeof Reflect === "object" && typeof Reflect.decorate === "function") r = Reflect.decorate(decorators, target, key, desc);
    else for (var i = decorators.length - 1; i >= 0; i--) if (d = decorators[i]) r = (c < 3 ? d(r) : c > 3 ? d(target, key, r) : d(target, key)) || r;
    return c > 3 && r && Object.defineProperty(target, key, r), r;
};
var __metadata = (this && this.__metadata) || function (k, v) {
    if (typeof Reflect === "object" && typeof Reflect.metadata === "function") return Reflect.metadata(k, v);
};
/** The digest of a ledger's usage records, of a meter's or a customer's, now or after an earlier usage event. */
import { Query, QueryHandler } from '@nestjs/cqrs';
import { DomainError } from '../domain/errors.js';
import { Overloaded } from '../overloaded.js';
import { Reader, requireMeter } from '../queries/reader.js';
import { digestUsage } from './digest.js';
/** Digests computed at once: each reads every record it is about. */
export const DIGESTS_MAX = 2;
export class GetDigest extends Query {
    context;
    selection;
    asOf;
    signal;
    constructor(context, selection, 
    /** A moment of the past; null: after the selection's usage event, if it names one. */
    asOf, 
    /** Ends the work for nobody. */
    signal) {
        super();
        this.context = context;
        this.selection = selection;
        this.asOf = asOf;
        this.signal = signal;
    }
}
let GetDigestHandler = class GetDigestHandler {
    reader;
    running = 0;
    constructor(reader) {
        this.reader = reader;
    }
    /** @throws DomainError for an unknown meter or a usage event that is not there yet; Overloaded. */
    async execute({ context, selection, asOf, signal }) {
        if (this.running >= DIGESTS_MAX) {
            throw new Overloaded(`${DIGESTS_MAX} digests are being computed. Please try again when one is done.`);
        }
        this.running++;
        try {
            return await this.reader.readAsOf(context, 'usage-index', asOf, async (rows, then) => {
                const { ledger } = context;
                if (selection.meterId !== null)
                    await requireMeter(rows, ledger, selection.meterId, 'meter');
                const { sequence: latest } = await rows.checkpoint('usage-index');
                const sequence = then?.sequence ?? selection.sequence ?? latest;
                if (sequence > latest) {
                    throw new DomainError('parameter_invalid', `The log has ${latest} usage events so far.`, 'sequence');
                }
                return { ...(await digestUsage(rows, { ledger, ...selection, sequence }, { signal })), sequence };
            });
        }
        finally {
            this.running--;
        }
    }
};
GetDigestHandler = __decorate([
    QueryHandler(GetDigest),
    __metadata("design:paramtypes", [Reader])
], GetDigestHandler);
export { GetDigestHandler };
//# sourceMappingURL=get-digest.js.map