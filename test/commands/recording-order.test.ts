import { describe, expect, it } from '@jest/globals'
import fc from 'fast-check'
import { RecordingOrder, recordingWaves } from '../../src/commands/recording-order.js'
import { DomainError } from '../../src/domain/errors.js'
import type { Meter } from '../../src/domain/meter-catalogue.js'
import { HOUR_MS, MINUTE_MS } from '../../src/domain/time-bucket.js'
import type { UsageRecord } from '../../src/domain/usage-record.js'
import { EventStoreUnavailable } from '../../src/event-store/event-store.js'
import { NOW } from '../controls.js'
import { meter, usage } from '../domain/examples.js'

const gauge = { ...meter, formula: 'last' } as const

describe('Of two records whose order decides a number the later', () => {
  async function withEarlier(outcome: Error | null): Promise<{ readonly sent: string[]; readonly later: unknown }> {
    const order = new RecordingOrder()
    const sent: string[] = []
    let settle = (): void => undefined
    const settled = new Promise<void>((resolve, reject) => (settle = () => (outcome ? reject(outcome) : resolve())))
    const submit = (identifier: string, until: Promise<void>): Promise<void> =>
      order.submit(gauge, { ...usage, identifier }, () => {
        sent.push(identifier)
        return until
      })
    const both = Promise.allSettled([submit('earlier', settled), submit('later', Promise.resolve())])
    await new Promise((resolve) => setImmediate(resolve))
    expect(sent).toEqual(['earlier'])
    settle()
    const [, later] = await both
    return { sent, later: later.status === 'rejected' ? later.reason : later.status }
  }

  it('is stored once the earlier one is', async () => {
    expect(await withEarlier(null)).toEqual({ sent: ['earlier', 'later'], later: 'fulfilled' })
  })

  it('is stored where the earlier one was refused by the rules', async () => {
    const refused = new DomainError('duplicate_meter_event', 'It was used.', 'identifier')
    expect(await withEarlier(refused)).toEqual({ sent: ['earlier', 'later'], later: 'fulfilled' })
  })

  it('is not stored where the earlier one could not be: sent again, both would stand in the wrong order', async () => {
    const unavailable = new EventStoreUnavailable('Not now.')
    expect(await withEarlier(unavailable)).toEqual({ sent: ['earlier'], later: unavailable })
  })
})

const meters: readonly Meter[] = [
  meter,
  gauge,
  { ...meter, id: 'mtr_hourly', eventTimeWindow: 'hour' },
  { ...meter, id: 'mtr_daily_last', formula: 'last', eventTimeWindow: 'day' },
]
interface Sent {
  readonly meter: Meter
  readonly record: UsageRecord
}

const sentRecords: fc.Arbitrary<Sent> = fc
  .record({
    meter: fc.constantFrom(...meters.map((each, index) => ({ ...each, id: `mtr_${index}` }))),
    identifier: fc.constantFrom('a', 'b', 'c', 'd', 'e', 'f', 'g'),
    customer: fc.constantFrom('cus_A', 'cus_B'),
    occurredAt: fc.constantFrom(NOW, NOW + MINUTE_MS, NOW + HOUR_MS - 1, NOW + HOUR_MS, NOW + 14 * HOUR_MS),
  })
  .map(({ meter: of, ...given }) => ({ meter: of, record: { ...usage, meterId: of.id, ...given } }))

/** Whether the order of recording decides a number, or which of two bodies counts. */
function decides(one: Sent, other: Sent): boolean {
  const { formula, eventTimeWindow } = one.meter
  if (one.meter.id !== other.meter.id || (formula !== 'last' && eventTimeWindow === null)) return false
  const [left, right] = [one.record, other.record]
  if (left.identifier === right.identifier) return true
  const ms = eventTimeWindow === null ? 1 : eventTimeWindow === 'hour' ? HOUR_MS : 24 * HOUR_MS
  return left.customer === right.customer && Math.floor(left.occurredAt / ms) === Math.floor(right.occurredAt / ms)
}

describe('Records that are sent together', () => {
  it('wait for those before them whose order decides a number, and for no others', () => {
    fc.assert(
      fc.property(fc.array(sentRecords, { maxLength: 20 }), (all) => {
        const waves = recordingWaves(all)
        expect(waves.flat()).toHaveLength(all.length)
        const waveOf = (each: Sent): number => waves.findIndex((wave) => wave.includes(each))
        for (const [place, each] of all.entries()) {
          const before = all.slice(0, place).filter((other) => decides(other, each))
          expect(waveOf(each)).toBe(Math.max(0, ...before.map((other) => waveOf(other) + 1)))
        }
      }),
    )
  })

  it('one by one wait for the same ones', async () => {
    await fc.assert(
      fc.asyncProperty(sentRecords, sentRecords, async (one, other) => {
        const order = new RecordingOrder()
        const sent: Sent[] = []
        let settle = (): void => undefined
        const settled = new Promise<void>((resolve) => (settle = resolve))
        const submit = (each: Sent, until?: Promise<void>): Promise<void> =>
          order.submit(each.meter, each.record, async () => {
            sent.push(each)
            await until
          })
        const both = [submit(one, settled), submit(other)]
        await new Promise((resolve) => setImmediate(resolve))
        expect(sent).toEqual(decides(one, other) ? [one] : [one, other])
        settle()
        await Promise.all(both)
        expect(sent).toEqual([one, other])
      }),
    )
  })
})
