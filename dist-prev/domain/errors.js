/**
 * A refusal: a request the rules turn down. Its code is from one closed list, its message says what to do, and
 * nothing was changed. Anything else that is thrown is a bug.
 */
/** Why a meter event was not counted: Stripe's ten codes (stripe-metering §7.2) and `duplicate_meter_event`. */
export const usageRefusalCodes = [
    'archived_meter',
    'duplicate_meter_event',
    'meter_event_customer_not_found',
    'meter_event_dimension_count_too_high',
    'meter_event_invalid_value',
    'meter_event_no_customer_defined',
    'meter_event_value_too_many_digits',
    'missing_dimension_payload_keys',
    'no_meter',
    'timestamp_in_future',
    'timestamp_too_far_in_past',
];
export class DomainError extends Error {
    code;
    param;
    constructor(code, message, 
    /** The request parameter at fault, in Stripe's words, for example `payload[value]`. */
    param = null) {
        super(message);
        this.code = code;
        this.param = param;
        this.name = 'DomainError';
    }
}
//# sourceMappingURL=errors.js.map