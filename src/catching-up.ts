/**
 * Tells the operator how far the projections are while they catch up at a start: usage is refused until they have, so it has
 * to be seen that they move, and for how long.
 */
import type { Logger } from 'pino'
import type { Stopwatch } from './commands/environment.js'
import type { ReadYourWrites } from './event-store/read-your-writes.js'
import { allProjections } from './projections/projections.js'
import type { ReadModel } from './read-model/read-model.js'

const REPORT_EVERY_MS = 5_000

interface Parts {
  readonly readModel: ReadModel
  readonly readYourWrites: ReadYourWrites
  readonly stopwatch: Stopwatch
  readonly log: Logger
  readonly everyMs?: number
}

/** Usage events that every projection has, and that the furthest has: the log is at least so long. */
interface Reached {
  readonly folded: number
  readonly known: number
}

/** Nothing is told where they have caught up already. Answers what ends it early. */
export function reportCatchingUp({
  readModel,
  readYourWrites,
  stopwatch,
  log,
  everyMs = REPORT_EVERY_MS,
}: Parts): () => void {
  if (readYourWrites.isReady) return () => undefined
  const since = stopwatch.elapsedMs()
  let atFirst: number | null = null
  let isOver = false
  const report = async (): Promise<void> => {
    // Why they stopped is told by who stopped them.
    if (readYourWrites.stopped !== null) return end()
    const { folded, known } = await reached(readModel)
    if (isOver) return
    const seconds = (stopwatch.elapsedMs() - since) / 1000
    const eventsPerSecond = atFirst === null ? null : Math.round((folded - atFirst) / seconds)
    atFirst ??= folded
    log.info(
      {
        usageEvents: folded,
        ...(known > folded ? { ofUsageEvents: known } : {}),
        ...(eventsPerSecond === null ? {} : { eventsPerSecond }),
        ...(eventsPerSecond && known > folded ? { secondsLeft: Math.ceil((known - folded) / eventsPerSecond) } : {}),
      },
      'The read model is catching up with the log; usage is taken once it has.',
    )
  }
  const tryToReport = (): void => {
    report().catch((error: unknown) => {
      if (!isOver) log.warn({ err: error }, 'How far the read model is cannot be read.')
    })
  }
  const timer = setInterval(tryToReport, everyMs).unref()
  const end = (): void => {
    isOver = true
    clearInterval(timer)
  }
  readYourWrites.onProgress(({ caughtUp }) => {
    if (isOver || !caughtUp) return
    end()
    const seconds = Math.round((stopwatch.elapsedMs() - since) / 100) / 10
    log.info({ seconds }, 'The read model has caught up with the log; usage is taken.')
  })
  tryToReport()
  return end
}

async function reached(readModel: ReadModel): Promise<Reached> {
  const names = allProjections(() => undefined).map(({ projection }) => projection)
  const sequences = await readModel.snapshot((rows) =>
    Promise.all(names.map(async (name) => (await rows.checkpoint(name)).sequence)),
  )
  return { folded: Math.min(...sequences), known: Math.max(...sequences) }
}
