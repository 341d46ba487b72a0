/** `billing.meter`, as Stripe answers it, with the preview's `dimension_payload_keys`. stripe-metering §1.1, §1.9. */
import { isLive } from '../domain/ledger.js';
import { toUnixSeconds } from './stripe/unix-time.js';
export function meterObject(ledger, meter) {
    return {
        id: meter.id,
        object: 'billing.meter',
        created: toUnixSeconds(meter.createdAt),
        customer_mapping: { event_payload_key: meter.customerKey, type: 'by_id' },
        default_aggregation: { formula: meter.formula },
        dimension_payload_keys: meter.dimensionKeys.length === 0 ? null : meter.dimensionKeys,
        display_name: meter.displayName,
        event_name: meter.eventName,
        event_time_window: meter.eventTimeWindow,
        livemode: isLive(ledger),
        status: meter.status,
        status_transitions: {
            deactivated_at: meter.deactivatedAt === null ? null : toUnixSeconds(meter.deactivatedAt),
        },
        updated: toUnixSeconds(meter.updatedAt),
        value_settings: { event_payload_key: meter.valueKey },
    };
}
//# sourceMappingURL=meter-object.js.map