/**
 * One wait: it ends with what was waited for, at a limit, or once nobody wants it any more, and takes up no place from then
 * on. Whatever holds a bounded number of places waits through here, so that a client that is gone keeps none.
 */
export interface Waiter<Value> {
  readonly resolve: (value: Value) => void
  readonly reject: (error: Error) => void
}

export interface WaitEnds {
  /** Aborted when nobody wants it any more. */
  readonly signal?: AbortSignal | undefined
  /** When it was too long; null: never. */
  readonly limit: { readonly ms: number; readonly error: () => Error } | null
}

/** `enter` takes a place and returns how to leave it, which is called once. @throws the limit's error; why the signal was aborted. */
export function waitFor<Value>(
  enter: (waiter: Waiter<Value>) => () => void,
  { signal, limit }: WaitEnds,
): Promise<Value> {
  return new Promise((resolve, reject: (error: Error) => void) => {
    if (signal?.aborted) return reject(signal.reason as Error)
    const end = (): void => {
      clearTimeout(timer)
      signal?.removeEventListener('abort', onGone)
      leave()
    }
    const waiter: Waiter<Value> = {
      resolve: (value) => {
        end()
        resolve(value)
      },
      reject: (error) => {
        end()
        reject(error)
      },
    }
    const onGone = (): void => waiter.reject(signal?.reason as Error)
    const leave = enter(waiter)
    const timer = limit === null ? undefined : setTimeout(() => waiter.reject(limit.error()), limit.ms)
    signal?.addEventListener('abort', onGone)
  })
}
