import { describe, expect, it } from '@jest/globals'
import { fold } from '../../src/domain/decider.js'
import * as MeterCatalogue from '../../src/domain/meter-catalogue.js'
import {
  DIMENSION_KEYS_MAX,
  DISPLAY_NAME_LENGTH_MAX,
  EVENT_NAME_LENGTH_MAX,
  METERS_MAX,
  PAYLOAD_KEY_LENGTH_MAX,
  activeMeter,
  metersNamed,
  type CreateMeter,
  type Event,
  type MeterCreated,
} from '../../src/domain/meter-catalogue.js'
import { NOW } from '../controls.js'
import { refusalOf, specify } from './decider-specification.js'
import { WIDE, createMeter, ledgerOpened, meter, meterCreated } from './examples.js'

const given = specify(MeterCatalogue)
const later = NOW + 1000
const created = meterCreated()
const deactivated: Event = { type: 'MeterDeactivated', data: { meterId: 'mtr_tokens', at: later } }
const reactivated: Event = { type: 'MeterReactivated', data: { meterId: 'mtr_tokens', at: later } }
const open = [ledgerOpened, created] as const

/** Creating a meter like the example, but for these parts, as the first of its ledger. */
function creating(changes: Partial<CreateMeter>): ReturnType<ReturnType<typeof given>['when']> {
  return given().when({ ...createMeter, ...changes })
}

function accepts(changes: Partial<CreateMeter> & Partial<MeterCreated>): void {
  creating(changes).then(ledgerOpened, meterCreated(changes))
}

describe('Creating a meter', () => {
  it('opens the ledger with the first one, and fixes its partitions', () => {
    given().when(createMeter).then(ledgerOpened, created)
  })

  it('does not open the ledger again, whatever partitions are asked for', () => {
    given(...open)
      .when({ ...createMeter, meterId: 'mtr_calls', eventName: 'calls', usagePartitions: 64 })
      .then(meterCreated({ meterId: 'mtr_calls', eventName: 'calls' }))
  })

  it.each(['sum', 'count', 'last'] as const)('takes the formula %s', (formula) => accepts({ formula }))

  it.each([null, 'hour', 'day'] as const)('takes the window %s', (eventTimeWindow) => accepts({ eventTimeWindow }))

  it('refuses another formula or window', () => {
    creating({ formula: 'max' as 'sum' }).thenRefused('parameter_invalid', 'default_aggregation[formula]')
    creating({ eventTimeWindow: 'month' as 'day' }).thenRefused('parameter_invalid', 'event_time_window')
  })

  describe.each([
    ['displayName', 'display_name', DISPLAY_NAME_LENGTH_MAX],
    ['eventName', 'event_name', EVENT_NAME_LENGTH_MAX],
    ['valueKey', 'value_settings[event_payload_key]', PAYLOAD_KEY_LENGTH_MAX],
    ['customerKey', 'customer_mapping[event_payload_key]', PAYLOAD_KEY_LENGTH_MAX],
  ] as const)('%s', (part, param, lengthMax) => {
    it('may be one character or as long as the limit, in characters', () => {
      accepts({ [part]: 'x' })
      accepts({ [part]: 'x'.repeat(lengthMax) })
      accepts({ [part]: WIDE.repeat(lengthMax) })
    })

    it('is refused one character over the limit', () => {
      creating({ [part]: 'x'.repeat(lengthMax + 1) }).thenRefused('parameter_too_long', param)
      creating({ [part]: WIDE.repeat(lengthMax) + 'x' }).thenRefused('parameter_too_long', param)
    })

    it.each(['', ' ', '\t\n', '\u00a0\u2003'])('is refused when blank: %j', (blank) => {
      creating({ [part]: blank }).thenRefused('parameter_invalid_empty', param)
    })
  })

  it('has the limits that are documented', () => {
    expect([DISPLAY_NAME_LENGTH_MAX, EVENT_NAME_LENGTH_MAX, PAYLOAD_KEY_LENGTH_MAX, DIMENSION_KEYS_MAX]).toEqual([
      250, 100, 100, 10,
    ])
    expect(METERS_MAX).toBe(10_000)
  })

  it('refuses to read value and customer from one key', () => {
    creating({ valueKey: 'k', customerKey: 'k' }).thenRefused('parameter_invalid', 'value_settings[event_payload_key]')
  })

  describe('with dimension keys', () => {
    const param = 'dimension_payload_keys'
    const ten = Array.from({ length: DIMENSION_KEYS_MAX }, (_, n) => `d${n}`)

    it('takes up to ten, each as long as a payload key', () => {
      accepts({ dimensionKeys: ten })
      accepts({ dimensionKeys: [WIDE.repeat(PAYLOAD_KEY_LENGTH_MAX)] })
      accepts({ dimensionKeys: ['__proto__', 'constructor'] })
    })

    it('refuses an eleventh', () => {
      creating({ dimensionKeys: [...ten, 'd10'] }).thenRefused('parameter_invalid', param)
    })

    it('refuses the same key twice', () => {
      creating({ dimensionKeys: ['region', 'region'] }).thenRefused('parameter_invalid', param)
    })

    it('takes keys that differ only in case', () => accepts({ dimensionKeys: ['region', 'Region'] }))

    it('refuses blank and too long keys', () => {
      creating({ dimensionKeys: ['region', ' '] }).thenRefused('parameter_invalid_empty', param)
      creating({ dimensionKeys: ['x'.repeat(PAYLOAD_KEY_LENGTH_MAX + 1)] }).thenRefused('parameter_too_long', param)
    })

    it('refuses the value key and the customer key', () => {
      creating({ dimensionKeys: ['value'] }).thenRefused('parameter_invalid', param)
      creating({ dimensionKeys: ['stripe_customer_id'] }).thenRefused('parameter_invalid', param)
      creating({ dimensionKeys: ['v'], valueKey: 'v' }).thenRefused('parameter_invalid', param)
      creating({ dimensionKeys: ['c'], customerKey: 'c' }).thenRefused('parameter_invalid', param)
    })
  })

  describe('on an event name', () => {
    const second: CreateMeter = { ...createMeter, meterId: 'mtr_second', at: later }

    it('is refused while an active meter has it', () => {
      given(...open)
        .when(second)
        .thenRefused('event_name_taken', 'event_name')
    })

    it('is done once that meter is inactive', () => {
      given(...open, deactivated)
        .when(second)
        .then(meterCreated({ meterId: 'mtr_second', createdAt: later }))
    })

    it('is refused again once that meter is active again', () => {
      given(...open, deactivated, reactivated)
        .when(second)
        .thenRefused('event_name_taken', 'event_name')
    })

    it('tells names apart by every character', () => {
      given(...open)
        .when({ ...second, eventName: 'Tokens' })
        .then(meterCreated({ meterId: 'mtr_second', eventName: 'Tokens', createdAt: later }))
    })
  })

  it('again adds nothing, also after the meter was renamed or deactivated', () => {
    const renamed: Event = { type: 'MeterRenamed', data: { meterId: 'mtr_tokens', displayName: 'New', at: later } }
    given(...open)
      .when(createMeter)
      .then()
    given(...open, renamed, deactivated)
      .when(createMeter)
      .then()
  })

  it.each([
    ['eventName', { eventName: 'calls' }],
    ['formula', { formula: 'last' }],
    ['eventTimeWindow', { eventTimeWindow: 'day' }],
    ['valueKey', { valueKey: 'v' }],
    ['customerKey', { customerKey: 'c' }],
    ['dimensionKeys', { dimensionKeys: ['region'] }],
  ] as const)('is refused under the id of a meter with another %s, which stays as it is', (_part, change) => {
    given(...open, deactivated)
      .when({ ...createMeter, ...change })
      .thenRefused('parameter_invalid', 'id')
  })

  it('is refused in a ledger that is full', () => {
    const meters = Array.from({ length: METERS_MAX }, (_, n) =>
      meterCreated({ meterId: `mtr_${n}`, eventName: `event_${n}` }),
    )
    const full = fold(MeterCatalogue, [ledgerOpened, ...meters])
    expect(refusalOf(() => MeterCatalogue.decide(full, createMeter)).code).toBe('parameter_invalid')
    const almost = fold(MeterCatalogue, [ledgerOpened, ...meters.slice(1)])
    expect(MeterCatalogue.decide(almost, createMeter)).toEqual([created])
  })
})

describe('Renaming a meter', () => {
  const rename = { type: 'RenameMeter', meterId: 'mtr_tokens', displayName: 'AI tokens', at: later } as const

  it('changes its display name', () => {
    given(...open)
      .when(rename)
      .then({ type: 'MeterRenamed', data: { meterId: 'mtr_tokens', displayName: 'AI tokens', at: later } })
  })

  it('adds nothing where it has that name', () => {
    given(...open)
      .when({ ...rename, displayName: 'Tokens' })
      .then()
  })

  it('is done on an inactive meter too', () => {
    given(...open, deactivated)
      .when(rename)
      .then({ type: 'MeterRenamed', data: { meterId: 'mtr_tokens', displayName: 'AI tokens', at: later } })
  })

  it('has the limits of creating', () => {
    const name = WIDE.repeat(DISPLAY_NAME_LENGTH_MAX)
    given(...open)
      .when({ ...rename, displayName: name })
      .then({ type: 'MeterRenamed', data: { meterId: 'mtr_tokens', displayName: name, at: later } })
    given(...open)
      .when({ ...rename, displayName: `${name}x` })
      .thenRefused('parameter_too_long', 'display_name')
    given(...open)
      .when({ ...rename, displayName: ' ' })
      .thenRefused('parameter_invalid_empty', 'display_name')
  })

  it('is refused for a meter that is not there', () => {
    given(ledgerOpened).when(rename).thenRefused('resource_missing', 'id')
  })
})

describe('Deactivating a meter', () => {
  const deactivate = { type: 'DeactivateMeter', meterId: 'mtr_tokens', at: later } as const

  it('takes it out of use', () => {
    given(...open)
      .when(deactivate)
      .then(deactivated)
  })

  it('adds nothing where it is inactive', () => {
    given(...open, deactivated)
      .when({ ...deactivate, at: later + 1 })
      .then()
  })

  it('is refused for a meter that is not there', () => {
    given().when(deactivate).thenRefused('resource_missing', 'id')
  })
})

describe('Reactivating a meter', () => {
  const reactivate = { type: 'ReactivateMeter', meterId: 'mtr_tokens', at: later } as const

  it('puts it into use again', () => {
    given(...open, deactivated)
      .when(reactivate)
      .then(reactivated)
  })

  it('adds nothing where it is active', () => {
    given(...open)
      .when(reactivate)
      .then()
  })

  it('is refused while another active meter has its event name', () => {
    given(...open, deactivated, meterCreated({ meterId: 'mtr_second' }))
      .when(reactivate)
      .thenRefused('event_name_taken', 'event_name')
  })

  it('is done once the other meter is inactive', () => {
    const other: Event = { type: 'MeterDeactivated', data: { meterId: 'mtr_second', at: later } }
    given(...open, deactivated, meterCreated({ meterId: 'mtr_second' }), other)
      .when(reactivate)
      .then(reactivated)
  })

  it('is refused for a meter that is not there', () => {
    given().when(reactivate).thenRefused('resource_missing', 'id')
  })
})

describe('A meter', () => {
  it('shows when it was changed last and since when it is inactive', () => {
    const at = (...history: Event[]) => fold(MeterCatalogue, history).meters.get('mtr_tokens')
    expect(at(...open)).toEqual(meter)
    expect(at(...open, deactivated)).toEqual({
      ...meter,
      status: 'inactive',
      updatedAt: later,
      deactivatedAt: later,
    })
    expect(at(...open, deactivated, reactivated)).toEqual({ ...meter, updatedAt: later })
  })

  describe('is found by its event name', () => {
    const second = meterCreated({ meterId: 'mtr_second', createdAt: later })
    const third = meterCreated({ meterId: 'mtr_third', createdAt: later + 1 })
    const off = (meterId: string): Event => ({ type: 'MeterDeactivated', data: { meterId, at: later } })

    it('while it is active', () => {
      expect(activeMeter(fold(MeterCatalogue, open), 'tokens').id).toBe('mtr_tokens')
      expect(activeMeter(fold(MeterCatalogue, [...open, deactivated, second]), 'tokens').id).toBe('mtr_second')
    })

    it('with a code that tells an archived meter from none at all', () => {
      const archived = fold(MeterCatalogue, [...open, deactivated])
      expect(refusalOf(() => activeMeter(archived, 'tokens'))).toMatchObject({
        code: 'archived_meter',
        param: 'event_name',
      })
      expect(refusalOf(() => activeMeter(archived, '__proto__'))).toMatchObject({
        code: 'no_meter',
        param: 'event_name',
      })
    })

    it('among all that ever had it: the active one first, then the newest', () => {
      const history = [...open, deactivated, second, off('mtr_second'), third, off('mtr_third')]
      const names = (state: MeterCatalogue.State) => metersNamed(state, 'tokens').map(({ id }) => id)
      expect(names(fold(MeterCatalogue, history))).toEqual(['mtr_third', 'mtr_second', 'mtr_tokens'])
      expect(names(fold(MeterCatalogue, [...history, reactivated]))).toEqual(['mtr_tokens', 'mtr_third', 'mtr_second'])
    })
  })
})
