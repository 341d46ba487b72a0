/** A rebuild by a running service, followed through its API. */
import { randomUUID } from 'node:crypto'
import { setTimeout as delay } from 'node:timers/promises'
import type { JsonValue } from '../domain/json.js'
import type { RowDifference } from '../projections/compare-rows.js'
import type { RebuildState } from '../projections/rebuilding.js'
import type { OwnedRebuild } from '../replay/projection-states.js'
import type { RebuildProgress } from './rebuild-progress.js'
import { ServiceRefusal, type ServiceClient } from './service-client.js'

const PATH = '/meterbook/v1/projections'
const POLL_MS = 500
/** Services that share rows tell of one within a second; and a proxy may lead to one after the other, of which one knows of it. */
const UNTOLD_MS = 3_000
const SEVERAL = 'Where --url leads to several services in turn, name one of them.'
const NOT_TOLD = `The service tells nothing of it any more: it was started again meanwhile, or another rebuild followed this one. A rebuild that was under way a service goes on with by itself; one that had not begun has to be asked for again. ${SEVERAL}`
const OTHER_TOLD = `The service tells of another rebuild by now, which was asked for later. This one is over; the log of the service says how it ended. ${SEVERAL}`

export interface ServiceRebuild {
  readonly projections: readonly string[]
  readonly keep: boolean
}

interface Answered {
  readonly data?: readonly Answered[]
  readonly rebuild?: {
    /** Not told by one of an earlier version. */
    readonly id?: string | null
    readonly status: RebuildState['status']
    readonly projections: readonly string[]
    readonly sequence: number
    readonly wanted_sequence: number
    readonly rows: number
    readonly wanted_rows: number
    readonly difference_count: number
    readonly differences: readonly (RowDifference & {
      readonly meter: string | null
      readonly customer: string | null
    })[]
    readonly elapsed_seconds: number
    readonly failure: string | null
    readonly waiting_reason: string | null
  } | null
}

function rebuildIn(answer: JsonValue): Answered['rebuild'] {
  const { data, rebuild } = answer as unknown as Answered
  return data ? data[0]?.rebuild : rebuild
}

/** Several by name one after the other, each once it is over; all of them at once. @throws ServiceRefusal */
export async function* rebuildsThroughService(
  client: ServiceClient,
  { projections, keep }: ServiceRebuild,
  progress: RebuildProgress,
): AsyncGenerator<OwnedRebuild> {
  const follow = async (path: string): Promise<OwnedRebuild> => {
    // Sent again where its answer was lost, it begins no second one, unless the service was started again meanwhile: then it is
    // refused while it goes on with the first one.
    const answer = await client.post(`${path}/rebuild`, JSON.stringify(keep ? { keep: 'true' } : {}), randomUUID())
    const begun = rebuildIn(answer)
    // The first answer since it was told of last: while a service is away nothing is answered.
    let untoldSince: number | null = null
    for (; ; await delay(POLL_MS)) {
      const rebuild = rebuildIn(await client.get(path))
      // Of one that it goes on with after a start the service does not know who asked for it.
      const isOther = Boolean(begun?.id && rebuild?.id && rebuild.id !== begun.id)
      if (!rebuild || isOther) {
        untoldSince ??= performance.now()
        if (performance.now() - untoldSince < UNTOLD_MS) continue
        throw new ServiceRefusal(rebuild ? OTHER_TOLD : NOT_TOLD)
      }
      untoldSince = null
      const state: OwnedRebuild = {
        projections: rebuild.projections,
        status: rebuild.status,
        sequence: rebuild.sequence,
        wantedSequence: rebuild.wanted_sequence,
        rows: rebuild.rows,
        wantedRows: rebuild.wanted_rows,
        differenceCount: rebuild.difference_count,
        differences: rebuild.differences.map(({ meter, ...difference }) => ({ ...difference, meterId: meter })),
        elapsedMs: rebuild.elapsed_seconds * 1000,
        failure: rebuild.failure,
        waitingReason: rebuild.waiting_reason,
        ...(rebuild.id && { id: rebuild.id }),
      }
      progress.show(state)
      if (state.status === 'completed' || state.status === 'failed') return state
    }
  }
  if (projections.length === 0) yield await follow(PATH)
  for (const name of projections) yield await follow(`${PATH}/${name}`)
}
