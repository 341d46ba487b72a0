import { describe, expect, it } from '@jest/globals'
import { RecordingOrder } from '../../src/commands/recording-order.js'
import { DomainError } from '../../src/domain/errors.js'
import { EventStoreUnavailable } from '../../src/event-store/event-store.js'
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
