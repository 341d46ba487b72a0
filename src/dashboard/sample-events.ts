/** Sample events of a preview, and what they come to: the rules of the service itself, run in the browser. */
import type { Meter } from '../domain/meter-catalogue.js'
import { earliestTimestamp } from '../domain/meter-event.js'
import { Preview, type MeterPreview } from '../domain/meter-preview.js'
import { HOUR_MS, MINUTE_MS, bucketStart } from '../domain/time-bucket.js'
import { fromUtcField, utcField } from './utc.js'

export interface Sample {
  /** Tells samples apart while they are moved. */
  readonly key: number
  readonly identifier: string
  readonly customer: string
  /** UTC, as a `datetime-local` field holds it; empty: when it is received. */
  readonly time: string
  readonly value: string
  readonly dimensions: Readonly<Record<string, string>>
}

/** As many as anyone follows by eye. */
export const SAMPLES_MAX = 50

export function firstSamples(now: number): Sample[] {
  const hour = bucketStart('hour', now - HOUR_MS)
  const sample = (key: number, customer: string, at: number, value: string): Sample => ({
    key,
    identifier: `event-${key}`,
    customer,
    time: utcField(at),
    value,
    dimensions: {},
  })
  return [
    sample(1, 'cus_alpaca', hour + 10 * MINUTE_MS, '100'),
    sample(2, 'cus_alpaca', hour + 40 * MINUTE_MS, '250'),
    sample(3, 'cus_llama', hour + 45 * MINUTE_MS, '7.5'),
  ]
}

export function nextSample(samples: readonly Sample[], now: number): Sample {
  const key = Math.max(0, ...samples.map((sample) => sample.key)) + 1
  const { customer, dimensions } = samples.at(-1) ?? { customer: 'cus_alpaca', dimensions: {} }
  return { key, identifier: `event-${key}`, customer, time: utcField(now), value: '1', dimensions }
}

export function moved(samples: readonly Sample[], from: number, to: number): readonly Sample[] {
  const sample = samples[from]
  if (!sample || to < 0 || to >= samples.length) return samples
  const others = samples.filter((_, index) => index !== from)
  return [...others.slice(0, to), sample, ...others.slice(to)]
}

/** The payload a program would send. An empty field is a key that was left out. */
function payloadOf(meter: Meter, sample: Sample): Record<string, string> {
  const entries = [
    ...meter.dimensionKeys.map((key) => [key, valueOf(sample, key)] as const),
    [meter.valueKey, sample.value] as const,
    [meter.customerKey, sample.customer] as const,
  ]
  return Object.fromEntries(entries.filter(([, text]) => text !== ''))
}

/** A dimension that was just added has a value in every sample, so that the preview goes on counting. */
export function valueOf({ dimensions }: Sample, key: string): string {
  return Object.hasOwn(dimensions, key) ? (dimensions[key] ?? '') : 'example'
}

export function preview(meter: Meter, samples: readonly Sample[], now: number, window: 'hour' | 'day'): MeterPreview {
  const previewed = new Preview(meter)
  for (const sample of samples) {
    const { eventName } = meter
    previewed.take({
      event: {
        eventName,
        identifier: sample.identifier,
        payload: payloadOf(meter, sample),
        timestamp: fromUtcField(sample.time),
      },
      receivedAt: now,
      earliest: earliestTimestamp(now),
      cancelledAt: null,
    })
  }
  return previewed.finish(null, window)
}
