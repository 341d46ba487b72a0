import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import * as ApiKeys from '../../src/domain/api-keys.js'
import { fold, type Decider } from '../../src/domain/decider.js'
import { DomainError } from '../../src/domain/errors.js'
import * as MeterCatalogue from '../../src/domain/meter-catalogue.js'
import * as UsageRecord from '../../src/domain/usage-record.js'
import { NOW } from '../controls.js'
import { apiKey, createMeter, usage } from '../domain/examples.js'
import { eventsOf } from './events.js'

const at = fc.integer({ min: NOW, max: NOW + 50 * 3_600_000 })
const meterIds = fc.constantFrom('mtr_a', 'mtr_b', 'mtr_c')
const displayNames = fc.constantFrom('One', 'Two', ' ')

const meterCommands: fc.Arbitrary<MeterCatalogue.Command> = fc.oneof(
  fc
    .record({ meterId: meterIds, displayName: displayNames, eventName: fc.constantFrom('tokens', 'calls'), at })
    .map((parts) => ({ ...createMeter, ...parts })),
  fc.record({ type: fc.constant('RenameMeter' as const), meterId: meterIds, displayName: displayNames, at }),
  fc.record({ type: fc.constant('DeactivateMeter' as const), meterId: meterIds, at }),
  fc.record({ type: fc.constant('ReactivateMeter' as const), meterId: meterIds, at }),
)

const usageCommands: fc.Arbitrary<UsageRecord.Command> = fc.oneof(
  fc.record({
    type: fc.constant('RecordUsage' as const),
    record: fc
      .record({ customer: fc.constantFrom('cus_A', 'cus_B'), value: fc.constantFrom('1', null), recordedAt: at })
      .map((parts) => ({ ...usage, ...parts })),
    hasTimestamp: fc.boolean(),
    earliest: fc.constantFrom(0, usage.occurredAt + 1),
  }),
  fc.record({
    type: fc.constant('CancelUsage' as const),
    identifier: fc.constant('req-1'),
    eventName: fc.constant('tokens'),
    at,
  }),
)

const keyCommands: fc.Arbitrary<ApiKeys.Command> = fc.oneof(
  fc.record({
    type: fc.constant('IssueApiKey' as const),
    key: fc
      .record({ number: fc.nat({ max: 3 }), role: fc.constantFrom(...ApiKeys.keyRoles) })
      .map(({ number, role }) => ({ ...apiKey, keyId: `key_${number}`, hash: `0${number}`.repeat(32), role })),
  }),
  fc.record({ type: fc.constant('RevokeApiKey' as const), keyId: fc.constantFrom('key_0', 'key_1', 'key_9'), at }),
)

function laws<State, Command, Event>(
  name: string,
  decider: Decider<State, Command, Event>,
  events: fc.Arbitrary<Event>,
  commands: fc.Arbitrary<Command>,
): void {
  describe(name, () => {
    const histories = fc.array(events, { maxLength: 25 })

    it('means the same folded at once, in two parts, or event by event, and nothing that happened stops it', () => {
      fc.assert(
        fc.property(histories, histories, (before, after) => {
          const whole = fold(decider, [...before, ...after])
          expect(fold(decider, after, fold(decider, before))).toEqual(whole)
          expect([...before, ...after].reduce((state, event) => decider.evolve(state, event), decider.initial)).toEqual(
            whole,
          )
        }),
        { numRuns: 200 },
      )
    })

    it('leaves the state it folds from as it was', () => {
      fc.assert(
        fc.property(histories, histories, (before, after) => {
          const state = fold(decider, before)
          const copy = structuredClone(state)
          fold(decider, after, state)
          expect(state).toEqual(copy)
          expect(fold(decider, before)).toEqual(copy)
        }),
        { numRuns: 100 },
      )
    })

    it('adds nothing when any command is sent again at once, and refuses only with a DomainError', () => {
      fc.assert(
        fc.property(fc.array(commands, { maxLength: 25 }), (sent) => {
          let state = decider.initial
          for (const command of sent) {
            let decided: Event[]
            try {
              decided = decider.decide(state, command)
            } catch (error) {
              expect(error).toBeInstanceOf(DomainError)
              continue
            }
            state = fold(decider, decided, state)
            expect(decider.decide(state, command)).toEqual([])
          }
        }),
        { numRuns: 300 },
      )
    })
  })
}

laws(
  'The meter catalogue',
  MeterCatalogue,
  eventsOf('LedgerOpened', 'MeterCreated', 'MeterRenamed', 'MeterDeactivated', 'MeterReactivated'),
  meterCommands,
)
laws('The usage record', UsageRecord, eventsOf('UsageRecorded', 'UsageCancelled'), usageCommands)
laws('The API keys', ApiKeys, eventsOf('ApiKeyIssued', 'ApiKeyRevoked'), keyCommands)

describe('The meter catalogue', () => {
  it('never has two active meters for one event name, whatever was commanded', () => {
    fc.assert(
      fc.property(fc.array(meterCommands, { maxLength: 40 }), (sent) => {
        let state = MeterCatalogue.initial
        for (const command of sent) {
          try {
            state = fold(MeterCatalogue, MeterCatalogue.decide(state, command), state)
          } catch (error) {
            if (!(error instanceof DomainError)) throw error
          }
        }
        const active = [...state.meters.values()].filter(({ status }) => status === 'active')
        expect(new Set(active.map(({ eventName }) => eventName)).size).toBe(active.length)
        expect(new Map(active.map(({ eventName, id }) => [eventName, id]))).toEqual(state.active)
      }),
      { numRuns: 300 },
    )
  })
})
