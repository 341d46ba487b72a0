/**
 * Takes what a call of the client delivers, in order, in bounded pages, and never waits without end or leaks the call.
 *
 * The client's streams report failures as an event without being destroyed, and go on when nobody reads them any
 * more, so they are read by hand here, and cancelled whichever way the reading ends.
 */
import { NoAnswer } from './eventstoredb-errors.js'

/** What is needed of the client's streams, whose declared types are no `Readable`. */
export interface Source {
  read(): unknown
  on(event: string, listener: (...details: unknown[]) => void): unknown
}

export interface DrainOptions {
  readonly cancel: () => Promise<void>
  /** Items a page holds at most. */
  readonly pageMax: number
  /** True waits for whole pages, false gives what is there. */
  readonly whole: boolean
  /** What to do when nothing came for that long; asked anew before each wait. */
  readonly patience: () => { readonly ms: number; readonly then: 'fail' | 'tell' }
  /** Ends the iteration without an error. */
  readonly signal: AbortSignal
}

/** An empty page tells that nothing came for as long as `patience` said. */
export async function* drain<Item>(stream: Source, options: DrainOptions): AsyncGenerator<Item[]> {
  const { cancel, pageMax, whole, patience, signal } = options
  let ended = false
  let failure: Error | undefined
  let wake = () => {}
  const onEnd = () => {
    ended = true
    wake()
  }
  stream.on('readable', () => wake())
  stream.on('end', onEnd)
  stream.on('close', onEnd)
  stream.on('error', (error) => {
    failure ??= error as Error
    wake()
  })
  const onAbort = () => wake()
  signal.addEventListener('abort', onAbort)
  let page: Item[] = []
  try {
    while (!signal.aborted) {
      const item = stream.read() as Item | null
      if (item !== null) {
        page.push(item)
        if (page.length < pageMax) continue
      }
      const over = item === null && (ended || failure !== undefined)
      if (page.length > 0 && (page.length === pageMax || over || (item === null && !whole))) {
        const full = page
        page = []
        yield full
        continue
      }
      if (failure !== undefined) throw failure
      if (over) return
      const limit = patience()
      const woken = await new Promise<boolean>((resolve) => {
        const timer = setTimeout(() => resolve(false), limit.ms)
        wake = () => {
          clearTimeout(timer)
          resolve(true)
        }
      })
      wake = () => {}
      if (!woken && limit.then === 'fail') throw new NoAnswer(`nothing came for ${limit.ms} ms`)
      if (!woken) yield []
    }
  } finally {
    signal.removeEventListener('abort', onAbort)
    // Without waiting: where the connection never came about there is no call, and this would not settle.
    cancel().catch(() => undefined)
  }
}
