/**
 * Keeps the client's stray rejections from ending the process, and nothing else's.
 *
 * The client keeps the appends of all its instances in one table. When a connection fails the table is emptied, and a
 * reply that comes after throws while looking its append up; appends that still waited for room in a send buffer are
 * rejected a second time with nobody listening. Both arrive as unhandled rejections, which end a Node process. Any
 * other unhandled rejection goes the way it would have gone without this.
 */
type OnLateReply = (error: Error) => void

const listeners = new Set<OnLateReply>()
/** Errors an append was already told, which may come a second time. */
const told = new WeakSet<object>()

/** @returns how to take it off again. */
export function guardLateReplies(onLateReply: OnLateReply): () => void {
  if (listeners.size === 0) process.on('unhandledRejection', onUnhandled)
  listeners.add(onLateReply)
  return () => {
    listeners.delete(onLateReply)
    if (listeners.size === 0) process.off('unhandledRejection', onUnhandled)
  }
}

/** Call with every error that an append was rejected with. */
export function noteTold(error: unknown): void {
  if (typeof error !== 'object' || error === null) return
  told.add(error)
  const raw = (error as { _raw?: unknown })._raw
  if (typeof raw === 'object' && raw !== null) told.add(raw)
}

export function isLateReply(reason: unknown): reason is Error {
  return (
    reason instanceof TypeError &&
    reason.message.startsWith('undefined is not iterable') &&
    /[\\/]@eventstore[\\/]db-client[\\/].*[\\/]batchAppend\.js/.test(reason.stack ?? '')
  )
}

function onUnhandled(reason: unknown): void {
  if (typeof reason === 'object' && reason !== null && told.has(reason)) return
  if (isLateReply(reason)) {
    for (const listener of listeners) listener(reason)
    return
  }
  // Our being here switched Node's default off; a listener of somebody else's would have done so as well.
  if (process.listenerCount('unhandledRejection') > 1) return
  throw reason instanceof Error ? reason : new Error(`Unhandled rejection: ${String(reason)}`)
}
