export class ApiError extends Error {
    status;
    type;
    code;
    /** The full name of the parameter at fault, for example `payload[value]`. */
    param;
    headers;
    constructor(answer) {
        super(answer.message);
        this.name = 'ApiError';
        this.status = answer.status;
        this.type = answer.type;
        this.code = answer.code ?? null;
        this.param = answer.param ?? null;
        this.headers = answer.headers ?? {};
    }
    static invalidRequest(message, code = 'invalid_request', param = null) {
        return new ApiError({ status: 400, type: 'invalid_request_error', message, code, param });
    }
}
function refused(v1Code, v2Code, status = 400) {
    return { v1: { status, type: 'invalid_request_error', code: v1Code }, v2: { status, code: v2Code } };
}
export const answers = {
    archived_meter: refused('archived_meter', 'archived_meter'),
    // Stripe's v1 answer has no code here; clients match on the message. Sending it again can never help.
    duplicate_meter_event: {
        ...refused(null, 'duplicate_meter_event'),
        headers: { 'stripe-should-retry': 'false' },
    },
    meter_event_customer_not_found: refused('meter_event_customer_not_found', 'meter_event_customer_not_found'),
    meter_event_dimension_count_too_high: refused('meter_event_dimension_count_too_high', 'meter_event_dimension_count_too_high'),
    meter_event_invalid_value: refused('meter_event_invalid_value', 'payload_invalid_value'),
    meter_event_no_customer_defined: refused('meter_event_no_customer_defined', 'payload_no_customer_defined'),
    meter_event_value_too_many_digits: refused('meter_event_value_too_many_digits', 'payload_invalid_value'),
    missing_dimension_payload_keys: refused('missing_dimension_payload_keys', 'missing_dimension_payload_keys'),
    no_meter: refused('no_meter', 'no_meter'),
    timestamp_in_future: refused('timestamp_in_future', 'timestamp_in_future'),
    timestamp_too_far_in_past: refused('timestamp_too_far_in_past', 'timestamp_too_far_in_past'),
    parameter_invalid: refused('parameter_invalid', 'parameter_invalid'),
    parameter_invalid_empty: refused('parameter_invalid_empty', 'parameter_invalid_empty'),
    parameter_too_long: refused('parameter_too_long', 'parameter_too_long'),
    resource_missing: refused('resource_missing', 'resource_missing', 404),
    event_name_taken: refused('resource_already_exists', 'resource_already_exists'),
    cancellation_window_passed: refused('cancellation_window_passed', 'cancellation_window_passed'),
};
/** `body` is the request's, to tell a value that is missing from one that is wrong: v2 has a code for each. */
export function fromDomainError(error, version, body) {
    const { code, message, param } = error;
    const answer = answers[code];
    if (version === 'v1')
        return new ApiError({ ...answer.v1, message, param, headers: answer.headers });
    const v2Code = code === 'meter_event_invalid_value' && isAbsent(param, body) ? 'payload_no_value_defined' : answer.v2.code;
    return new ApiError({
        status: answer.v2.status,
        type: 'invalid_request_error',
        code: v2Code,
        message,
        param,
        headers: answer.headers,
    });
}
function isAbsent(param, body) {
    const key = /^payload\[(.*)\]$/s.exec(param ?? '')?.[1];
    if (key === undefined || typeof body !== 'object' || body === null)
        return false;
    const payload = Object.getOwnPropertyDescriptor(body, 'payload')?.value;
    return typeof payload === 'object' && payload !== null && !Object.hasOwn(payload, key);
}
//# sourceMappingURL=api-error.js.map