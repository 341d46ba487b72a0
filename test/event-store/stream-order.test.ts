/** What stands before the first event of each stream, looked up by whoever begins in the middle of a log. */
import { expect, it } from '@jest/globals'
import type { RecordedEvent } from '../../src/event-store/event-store.js'
import { StreamOrder } from '../../src/event-store/stream-order.js'

const STREAMS = 50
const places = Array.from({ length: 2 * STREAMS }, (_, index) => ({
  stream: `usage-default~test.${index % STREAMS}`,
  revision: 7 + Math.floor(index / STREAMS),
}))

/** A log that has of each stream the sixth event, but for those that lack it, and answers when it is told. */
class SlowLog {
  readonly asked: string[] = []
  atOnce = 0
  private waiting: (() => void)[] = []

  constructor(private readonly lacking: ReadonlySet<string> = new Set()) {}

  async *readStream(stream: string, { after = 0 } = {}): AsyncIterable<readonly RecordedEvent[]> {
    this.asked.push(stream)
    this.atOnce = Math.max(this.atOnce, this.waiting.length + 1)
    await new Promise<void>((resolve) => {
      if (this.waiting.push(resolve) === 1) setImmediate(() => this.answer())
    })
    if (!this.lacking.has(stream)) yield [{ stream, revision: after + 1 } as RecordedEvent]
  }

  private answer(): void {
    const { waiting } = this
    this.waiting = []
    for (const answer of waiting) answer()
  }
}

it('Streams are looked up once each, several at once, and an event that is missing before them is noticed', async () => {
  const log = new SlowLog(new Set([places[30]!.stream]))
  const order = new StreamOrder()
  expect(await order.beginBefore(places, log)).toBe(places.length)
  expect(log.asked).toEqual(places.slice(0, STREAMS).map(({ stream }) => stream))
  expect(log.atOnce).toBe(16)
  const wrong = places.flatMap((place) => order.next(place) ?? [])
  expect(wrong).toEqual([`Event 7 of stream ${places[30]!.stream} stands where 6 must be.`])
})

it('Where the time is over some events are known, and the next ones go on from there', async () => {
  const log = new SlowLog()
  const order = new StreamOrder()
  let left = places
  const known: number[] = []
  while (left.length > 0) {
    const count = await order.beginBefore(left, log, performance.now())
    for (const place of left.slice(0, count)) expect(order.next(place)).toBeNull()
    known.push(count)
    left = left.slice(count)
  }
  expect(known).toEqual([16, 16, 16, 52])
  expect(log.asked).toHaveLength(STREAMS)
})
