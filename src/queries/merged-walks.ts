/**
 * Walks over rows that are each in order, as one walk in that order. Which walk is next costs little however many there are,
 * and rows that wait for their turn are few.
 */

/** Rows of one walk that were read and not given out yet. */
export interface Walk<Row> {
  buffer: readonly Row[]
  /** Of the next row in the buffer; its length where there is none. */
  at: number
}

/** Walks that are begun together: on a server each would be a way there and back. */
const WALKS_PER_REFILL = 256
/** Rows that wait for their turn, all walks together: with one walk those of one read, with very many one of each. */
const WAITING_ROWS_MAX = 16_384
const ROWS_PER_READ_MAX = 256
const ROWS_OF_FIRST_READ_OF_MANY = 16

/**
 * Rows to read from one of so many walks at a time. Most lists end soon, and so begin with few; where a walk goes on, each read is
 * twice as long as the one before, because on a server it is a round trip.
 */
export function rowsPerRead(walks: number, lastRead = 0): number {
  if (walks <= 1) return ROWS_PER_READ_MAX
  const wanted = Math.min(Math.max(ROWS_OF_FIRST_READ_OF_MANY, 2 * lastRead), ROWS_PER_READ_MAX)
  return Math.max(1, Math.min(wanted, Math.floor(WAITING_ROWS_MAX / walks)))
}

/**
 * `refill` reads on where the buffer is used up, of several walks at once; a walk whose buffer is empty then is at its end.
 */
export async function* mergeWalks<Row, Of extends Walk<Row>>(
  walks: readonly Of[],
  refill: (walks: readonly Of[]) => Promise<void>,
  compare: (left: Row, right: Row) => number,
): AsyncGenerator<Row> {
  // A heap: no walk's next row comes before that of the walk at half its place.
  const heap: Of[] = []
  const order = (left: Of, right: Of): number => compare(left.buffer[left.at] as Row, right.buffer[right.at] as Row)
  for (let at = 0; at < walks.length; at += WALKS_PER_REFILL) await refill(walks.slice(at, at + WALKS_PER_REFILL))
  for (const walk of walks) {
    if (walk.at >= walk.buffer.length) continue
    heap.push(walk)
    rise(heap, order)
  }
  for (;;) {
    const [first] = heap
    if (!first) return
    yield first.buffer[first.at++] as Row
    if (first.at >= first.buffer.length) await refill([first])
    if (first.at >= first.buffer.length) {
      const last = heap.pop() as Of
      if (last === first) continue
      heap[0] = last
    }
    sink(heap, order)
  }
}

/** Takes the last walk to its place. */
function rise<Of>(heap: Of[], order: (left: Of, right: Of) => number): void {
  for (let at = heap.length - 1; at > 0;) {
    const above = (at - 1) >> 1
    if (order(heap[at] as Of, heap[above] as Of) >= 0) return
    exchange(heap, at, above)
    at = above
  }
}

/** Takes the first walk to its place. */
function sink<Of>(heap: Of[], order: (left: Of, right: Of) => number): void {
  for (let at = 0; ;) {
    let below = 2 * at + 1
    if (below >= heap.length) return
    if (below + 1 < heap.length && order(heap[below + 1] as Of, heap[below] as Of) < 0) below++
    if (order(heap[at] as Of, heap[below] as Of) <= 0) return
    exchange(heap, at, below)
    at = below
  }
}

function exchange<Of>(heap: Of[], one: number, other: number): void {
  const walk = heap[one] as Of
  heap[one] = heap[other] as Of
  heap[other] = walk
}
