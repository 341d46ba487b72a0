/**
 * All meters of one ledger.
 *
 * An event name serves at most one active meter, which is why the whole set is one stream. A meter never changes
 * after its creation but for its display name and its status; deactivating frees its event name.
 * Rules: design §4; Stripe "Create and configure a meter".
 */
import { DomainError } from './errors.js'
import { isFormulaName, type FormulaName } from './aggregation.js'
import { isLongerThan } from './text.js'

export type EventTimeWindow = 'hour' | 'day'

/** What a meter is created with; of this only the display name ever changes. */
export interface MeterConfiguration {
  readonly displayName: string
  readonly eventName: string
  readonly formula: FormulaName
  /** null: every event counts. Otherwise only the one recorded last in each UTC window. */
  readonly eventTimeWindow: EventTimeWindow | null
  readonly valueKey: string
  readonly customerKey: string
  readonly dimensionKeys: readonly string[]
}

export interface Meter extends MeterConfiguration {
  readonly id: string
  readonly status: 'active' | 'inactive'
  /** Milliseconds since the epoch, like every instant here. */
  readonly createdAt: number
  readonly updatedAt: number
  readonly deactivatedAt: number | null
}

export interface State {
  /** Partitions of the ledger's usage, fixed when the ledger is first used; null before. */
  readonly usagePartitions: number | null
  /** By id, in order of creation. */
  readonly meters: ReadonlyMap<string, Meter>
  /** Event name → id of the active meter it serves. */
  readonly active: ReadonlyMap<string, string>
}

export interface CreateMeter extends MeterConfiguration {
  readonly type: 'CreateMeter'
  readonly meterId: string
  /** Used if this is the ledger's first meter. */
  readonly usagePartitions: number
  readonly at: number
}

export type Command =
  | CreateMeter
  | { readonly type: 'RenameMeter'; readonly meterId: string; readonly displayName: string; readonly at: number }
  | { readonly type: 'DeactivateMeter'; readonly meterId: string; readonly at: number }
  | { readonly type: 'ReactivateMeter'; readonly meterId: string; readonly at: number }

export type Event =
  | { readonly type: 'LedgerOpened'; readonly data: { readonly usagePartitions: number; readonly at: number } }
  | { readonly type: 'MeterCreated'; readonly data: MeterCreated }
  | {
      readonly type: 'MeterRenamed'
      readonly data: { readonly meterId: string; readonly displayName: string; readonly at: number }
    }
  | { readonly type: 'MeterDeactivated'; readonly data: { readonly meterId: string; readonly at: number } }
  | { readonly type: 'MeterReactivated'; readonly data: { readonly meterId: string; readonly at: number } }

export interface MeterCreated extends MeterConfiguration {
  readonly meterId: string
  readonly createdAt: number
}

export const DISPLAY_NAME_LENGTH_MAX = 250
export const EVENT_NAME_LENGTH_MAX = 100
export const PAYLOAD_KEY_LENGTH_MAX = 100
export const DIMENSION_KEYS_MAX = 10
/** Meters of one ledger, active and inactive: bounds the stream that is folded to create one. */
export const METERS_MAX = 10_000

export const DEFAULT_VALUE_KEY = 'value'
export const DEFAULT_CUSTOMER_KEY = 'stripe_customer_id'

export const initial: State = { usagePartitions: null, meters: new Map(), active: new Map() }

export function decide(state: State, command: Command): Event[] {
  switch (command.type) {
    case 'CreateMeter':
      return create(state, command)
    case 'RenameMeter': {
      const { meterId, displayName, at } = command
      const meter = existing(state, meterId)
      requireText('display_name', displayName, DISPLAY_NAME_LENGTH_MAX)
      if (meter.displayName === displayName) return [] // Already so: a retry records nothing.
      return [{ type: 'MeterRenamed', data: { meterId, displayName, at } }]
    }
    case 'DeactivateMeter': {
      const { meterId, at } = command
      if (existing(state, meterId).status === 'inactive') return []
      return [{ type: 'MeterDeactivated', data: { meterId, at } }]
    }
    case 'ReactivateMeter': {
      const { meterId, at } = command
      const meter = existing(state, meterId)
      if (meter.status === 'active') return []
      requireFreeEventName(state, meter.eventName)
      return [{ type: 'MeterReactivated', data: { meterId, at } }]
    }
  }
}

function create(state: State, command: CreateMeter): Event[] {
  const { type: _, usagePartitions, at, ...configuration } = command
  const created: MeterCreated = { ...configuration, createdAt: at }
  const known = state.meters.get(command.meterId)
  if (known && isConfiguredAs(known, created)) return []
  if (known) {
    throw new DomainError('parameter_invalid', `Meter ${known.id} exists with another configuration.`, 'id')
  }
  requireConfiguration(created)
  requireFreeEventName(state, command.eventName)
  if (state.meters.size >= METERS_MAX) {
    throw new DomainError('parameter_invalid', `A ledger holds at most ${METERS_MAX} meters.`)
  }
  const opened: Event[] =
    state.usagePartitions === null ? [{ type: 'LedgerOpened', data: { usagePartitions, at } }] : []
  return [...opened, { type: 'MeterCreated', data: created }]
}

export function evolve(state: State, event: Event): State {
  return fold(state, [event])
}

/** Copies the maps once for a whole history instead of once for each event. */
export function fold(state: State, events: Iterable<Event>): State {
  let usagePartitions = state.usagePartitions
  const meters = new Map(state.meters)
  const active = new Map(state.active)
  const change = (meterId: string, changes: Partial<Meter>): void => {
    const meter = meters.get(meterId)
    if (meter) meters.set(meterId, { ...meter, ...changes })
  }
  for (const event of events) {
    switch (event.type) {
      case 'LedgerOpened':
        usagePartitions = event.data.usagePartitions
        break
      case 'MeterCreated': {
        const { meterId, eventName } = event.data
        meters.set(meterId, newMeter(event.data))
        active.set(eventName, meterId)
        break
      }
      case 'MeterRenamed':
        change(event.data.meterId, { displayName: event.data.displayName, updatedAt: event.data.at })
        break
      case 'MeterDeactivated': {
        const { meterId, at } = event.data
        change(meterId, { status: 'inactive', updatedAt: at, deactivatedAt: at })
        const meter = meters.get(meterId)
        if (meter && active.get(meter.eventName) === meterId) active.delete(meter.eventName)
        break
      }
      case 'MeterReactivated': {
        const { meterId, at } = event.data
        change(meterId, { status: 'active', updatedAt: at, deactivatedAt: null })
        const meter = meters.get(meterId)
        if (meter) active.set(meter.eventName, meterId)
        break
      }
    }
  }
  return { usagePartitions, meters, active }
}

/**
 * The meter a creation would make, but for what only a ledger can tell: whether its event name is free.
 *
 * @throws DomainError for a configuration that no meter may have.
 */
export function configuredMeter(created: MeterCreated): Meter {
  requireConfiguration(created)
  return newMeter(created)
}

function newMeter({ meterId: id, createdAt, ...configuration }: MeterCreated): Meter {
  return { id, ...configuration, status: 'active', createdAt, updatedAt: createdAt, deactivatedAt: null }
}

/**
 * The active meter an event name reaches.
 *
 * @throws DomainError `archived_meter` where only inactive meters have the name, else `no_meter`.
 */
export function activeMeter(state: State, eventName: string): Meter {
  const id = state.active.get(eventName)
  const meter = id === undefined ? undefined : state.meters.get(id)
  if (meter) return meter
  const archived = metersNamed(state, eventName).length > 0
  throw new DomainError(
    archived ? 'archived_meter' : 'no_meter',
    `No active meter found for event name ${eventName}. ${archived ? 'Reactivate its meter' : 'Create a meter with this event name'} and send the event again.`,
    'event_name',
  )
}

/** Every meter that has or had the event name: the active one first, then the newest. */
export function metersNamed(state: State, eventName: string): Meter[] {
  const named = [...state.meters.values()].filter((meter) => meter.eventName === eventName).reverse()
  return named.sort((a, b) => Number(b.status === 'active') - Number(a.status === 'active'))
}

function existing(state: State, meterId: string): Meter {
  const meter = state.meters.get(meterId)
  if (!meter) throw new DomainError('resource_missing', `No such meter: '${meterId}'.`, 'id')
  return meter
}

function requireFreeEventName(state: State, eventName: string): void {
  const holder = state.active.get(eventName)
  if (holder === undefined) return
  throw new DomainError(
    'event_name_taken',
    `An active meter already exists for event name ${eventName} (${holder}). Deactivate it first, or choose another event name.`,
    'event_name',
  )
}

function requireConfiguration(meter: MeterCreated): void {
  requireText('display_name', meter.displayName, DISPLAY_NAME_LENGTH_MAX)
  requireText('event_name', meter.eventName, EVENT_NAME_LENGTH_MAX)
  requireText('value_settings[event_payload_key]', meter.valueKey, PAYLOAD_KEY_LENGTH_MAX)
  requireText('customer_mapping[event_payload_key]', meter.customerKey, PAYLOAD_KEY_LENGTH_MAX)
  if (!isFormulaName(meter.formula)) {
    throw new DomainError('parameter_invalid', 'The formula is sum, count or last.', 'default_aggregation[formula]')
  }
  const window: string | null = meter.eventTimeWindow
  if (window !== null && window !== 'hour' && window !== 'day') {
    throw new DomainError(
      'parameter_invalid',
      'The event time window is hour or day, or left out.',
      'event_time_window',
    )
  }
  if (meter.valueKey === meter.customerKey) {
    throw new DomainError(
      'parameter_invalid',
      `The value and the customer cannot both be read from payload key ${meter.valueKey}.`,
      'value_settings[event_payload_key]',
    )
  }
  requireDimensionKeys(meter)
}

function requireDimensionKeys({ dimensionKeys, valueKey, customerKey }: MeterCreated): void {
  const param = 'dimension_payload_keys'
  if (dimensionKeys.length > DIMENSION_KEYS_MAX) {
    throw new DomainError('parameter_invalid', `A meter has at most ${DIMENSION_KEYS_MAX} dimension keys.`, param)
  }
  if (new Set(dimensionKeys).size < dimensionKeys.length) {
    throw new DomainError('parameter_invalid', 'Dimension keys must differ from one another.', param)
  }
  for (const key of dimensionKeys) {
    requireText(param, key, PAYLOAD_KEY_LENGTH_MAX)
    if (key === valueKey || key === customerKey) {
      throw new DomainError('parameter_invalid', `${key} is already the value or customer key of this meter.`, param)
    }
  }
}

function requireText(param: string, text: string, lengthMax: number): void {
  if (text.trim() === '') {
    throw new DomainError('parameter_invalid_empty', `${param} must not be empty or blank.`, param)
  }
  if (isLongerThan(text, lengthMax)) {
    throw new DomainError('parameter_too_long', `${param} must be at most ${lengthMax} characters long.`, param)
  }
}

function isConfiguredAs(meter: Meter, created: MeterCreated): boolean {
  return (
    meter.eventName === created.eventName &&
    meter.formula === created.formula &&
    meter.eventTimeWindow === created.eventTimeWindow &&
    meter.valueKey === created.valueKey &&
    meter.customerKey === created.customerKey &&
    meter.createdAt === created.createdAt &&
    meter.dimensionKeys.length === created.dimensionKeys.length &&
    meter.dimensionKeys.every((key, index) => key === created.dimensionKeys[index])
  )
}
