/**
 * All meters of one ledger.
 *
 * An event name serves at most one active meter, which is why the whole set is one stream. A meter never changes
 * after its creation but for its display name and its status; deactivating frees its event name.
 * Rules: design §4; Stripe "Create and configure a meter".
 */
import { DomainError } from './errors.js';
import { isFormulaName } from './aggregation.js';
import { isLongerThan } from './text.js';
export const DISPLAY_NAME_LENGTH_MAX = 250;
export const EVENT_NAME_LENGTH_MAX = 100;
export const PAYLOAD_KEY_LENGTH_MAX = 100;
export const DIMENSION_KEYS_MAX = 10;
/** Meters of one ledger, active and inactive: bounds the stream that is folded to create one. */
export const METERS_MAX = 10_000;
export const DEFAULT_VALUE_KEY = 'value';
export const DEFAULT_CUSTOMER_KEY = 'stripe_customer_id';
export const initial = { usagePartitions: null, meters: new Map(), active: new Map() };
export function decide(state, command) {
    switch (command.type) {
        case 'CreateMeter':
            return create(state, command);
        case 'RenameMeter': {
            const { meterId, displayName, at } = command;
            const meter = existing(state, meterId);
            requireText('display_name', displayName, DISPLAY_NAME_LENGTH_MAX);
            if (meter.displayName === displayName)
                return []; // Already so: a retry records nothing.
            return [{ type: 'MeterRenamed', data: { meterId, displayName, at } }];
        }
        case 'DeactivateMeter': {
            const { meterId, at } = command;
            if (existing(state, meterId).status === 'inactive')
                return [];
            return [{ type: 'MeterDeactivated', data: { meterId, at } }];
        }
        case 'ReactivateMeter': {
            const { meterId, at } = command;
            const meter = existing(state, meterId);
            if (meter.status === 'active')
                return [];
            requireFreeEventName(state, meter.eventName);
            return [{ type: 'MeterReactivated', data: { meterId, at } }];
        }
    }
}
function create(state, command) {
    const { type: _, usagePartitions, at, ...configuration } = command;
    const created = { ...configuration, createdAt: at };
    const known = state.meters.get(command.meterId);
    if (known && isConfiguredAs(known, created))
        return [];
    if (known) {
        throw new DomainError('parameter_invalid', `Meter ${known.id} exists with another configuration.`, 'id');
    }
    requireConfiguration(created);
    requireFreeEventName(state, command.eventName);
    if (state.meters.size >= METERS_MAX) {
        throw new DomainError('parameter_invalid', `A ledger holds at most ${METERS_MAX} meters.`);
    }
    const opened = state.usagePartitions === null ? [{ type: 'LedgerOpened', data: { usagePartitions, at } }] : [];
    return [...opened, { type: 'MeterCreated', data: created }];
}
export function evolve(state, event) {
    return fold(state, [event]);
}
/** Copies the maps once for a whole history instead of once for each event. */
export function fold(state, events) {
    let usagePartitions = state.usagePartitions;
    const meters = new Map(state.meters);
    const active = new Map(state.active);
    const change = (meterId, changes) => {
        const meter = meters.get(meterId);
        if (meter)
            meters.set(meterId, { ...meter, ...changes });
    };
    for (const event of events) {
        switch (event.type) {
            case 'LedgerOpened':
                usagePartitions = event.data.usagePartitions;
                break;
            case 'MeterCreated': {
                const { meterId, eventName } = event.data;
                meters.set(meterId, newMeter(event.data));
                active.set(eventName, meterId);
                break;
            }
            case 'MeterRenamed':
                change(event.data.meterId, { displayName: event.data.displayName, updatedAt: event.data.at });
                break;
            case 'MeterDeactivated': {
                const { meterId, at } = event.data;
                change(meterId, { status: 'inactive', updatedAt: at, deactivatedAt: at });
                const meter = meters.get(meterId);
                if (meter && active.get(meter.eventName) === meterId)
                    active.delete(meter.eventName);
                break;
            }
            case 'MeterReactivated': {
                const { meterId, at } = event.data;
                change(meterId, { status: 'active', updatedAt: at, deactivatedAt: null });
                const meter = meters.get(meterId);
                if (meter)
                    active.set(meter.eventName, meterId);
                break;
            }
        }
    }
    return { usagePartitions, meters, active };
}
/**
 * The meter a creation would make, but for what only a ledger can tell: whether its event name is free.
 *
 * @throws DomainError for a configuration that no meter may have.
 */
export function configuredMeter(created) {
    requireConfiguration(created);
    return newMeter(created);
}
function newMeter({ meterId: id, createdAt, ...configuration }) {
    return { id, ...configuration, status: 'active', createdAt, updatedAt: createdAt, deactivatedAt: null };
}
/**
 * The active meter an event name reaches.
 *
 * @throws DomainError `archived_meter` where only inactive meters have the name, else `no_meter`.
 */
export function activeMeter(state, eventName) {
    const id = state.active.get(eventName);
    const meter = id === undefined ? undefined : state.meters.get(id);
    if (meter)
        return meter;
    const archived = metersNamed(state, eventName).length > 0;
    throw new DomainError(archived ? 'archived_meter' : 'no_meter', `No active meter found for event name ${eventName}. ${archived ? 'Reactivate its meter' : 'Create a meter with this event name'} and send the event again.`, 'event_name');
}
/** Every meter that has or had the event name: the active one first, then the newest. */
export function metersNamed(state, eventName) {
    const named = [...state.meters.values()].filter((meter) => meter.eventName === eventName).reverse();
    return named.sort((a, b) => Number(b.status === 'active') - Number(a.status === 'active'));
}
function existing(state, meterId) {
    const meter = state.meters.get(meterId);
    if (!meter)
        throw new DomainError('resource_missing', `No such meter: '${meterId}'.`, 'id');
    return meter;
}
function requireFreeEventName(state, eventName) {
    const holder = state.active.get(eventName);
    if (holder === undefined)
        return;
    throw new DomainError('event_name_taken', `An active meter already exists for event name ${eventName} (${holder}). Deactivate it first, or choose another event name.`, 'event_name');
}
function requireConfiguration(meter) {
    requireText('display_name', meter.displayName, DISPLAY_NAME_LENGTH_MAX);
    requireText('event_name', meter.eventName, EVENT_NAME_LENGTH_MAX);
    requireText('value_settings[event_payload_key]', meter.valueKey, PAYLOAD_KEY_LENGTH_MAX);
    requireText('customer_mapping[event_payload_key]', meter.customerKey, PAYLOAD_KEY_LENGTH_MAX);
    if (!isFormulaName(meter.formula)) {
        throw new DomainError('parameter_invalid', 'The formula is sum, count or last.', 'default_aggregation[formula]');
    }
    const window = meter.eventTimeWindow;
    if (window !== null && window !== 'hour' && window !== 'day') {
        throw new DomainError('parameter_invalid', 'The event time window is hour or day, or left out.', 'event_time_window');
    }
    if (meter.valueKey === meter.customerKey) {
        throw new DomainError('parameter_invalid', `The value and the customer cannot both be read from payload key ${meter.valueKey}.`, 'value_settings[event_payload_key]');
    }
    requireDimensionKeys(meter);
}
function requireDimensionKeys({ dimensionKeys, valueKey, customerKey }) {
    const param = 'dimension_payload_keys';
    if (dimensionKeys.length > DIMENSION_KEYS_MAX) {
        throw new DomainError('parameter_invalid', `A meter has at most ${DIMENSION_KEYS_MAX} dimension keys.`, param);
    }
    if (new Set(dimensionKeys).size < dimensionKeys.length) {
        throw new DomainError('parameter_invalid', 'Dimension keys must differ from one another.', param);
    }
    for (const key of dimensionKeys) {
        requireText(param, key, PAYLOAD_KEY_LENGTH_MAX);
        if (key === valueKey || key === customerKey) {
            throw new DomainError('parameter_invalid', `${key} is already the value or customer key of this meter.`, param);
        }
    }
}
function requireText(param, text, lengthMax) {
    if (text.trim() === '') {
        throw new DomainError('parameter_invalid_empty', `${param} must not be empty or blank.`, param);
    }
    if (isLongerThan(text, lengthMax)) {
        throw new DomainError('parameter_too_long', `${param} must be at most ${lengthMax} characters long.`, param);
    }
}
function isConfiguredAs(meter, created) {
    return (meter.eventName === created.eventName &&
        meter.formula === created.formula &&
        meter.eventTimeWindow === created.eventTimeWindow &&
        meter.valueKey === created.valueKey &&
        meter.customerKey === created.customerKey &&
        meter.createdAt === created.createdAt &&
        meter.dimensionKeys.length === created.dimensionKeys.length &&
        meter.dimensionKeys.every((key, index) => key === created.dimensionKeys[index]));
}
//# sourceMappingURL=meter-catalogue.js.map