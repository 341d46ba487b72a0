/**
 * Where rows stand. Each projection has a checkpoint of its own, and as rows and checkpoints are committed together most of
 * them say the same; what the others say is seen against the log.
 */
import type { EventStore } from '../event-store/event-store.js'
import { START, type Checkpoint, type RowReader } from '../read-model/read-model.js'
import { originOf } from './log-origin.js'
import { ProjectionStopped, type Projection } from './projection.js'

export interface Places {
  /** Where the rows of each projection stand. */
  readonly places: ReadonlyMap<string, Checkpoint>
  /** Projections whose checkpoint says something else than where the others stand, or the log has its event. */
  readonly wrong: readonly string[]
}

export async function checkpointsOf(
  rows: RowReader,
  projections: readonly Projection[],
): Promise<Map<string, Checkpoint>> {
  const found = new Map<string, Checkpoint>()
  for (const { projection } of projections) found.set(projection, await rows.checkpoint(projection))
  return found
}

/** What most of them say, so that one wrong checkpoint is told from many wrong rows. */
export function believed(checkpoints: ReadonlyMap<string, Checkpoint>): Checkpoint {
  const votes = new Map<string, { readonly checkpoint: Checkpoint; count: number }>()
  for (const checkpoint of checkpoints.values()) {
    const { position, sequence, event } = checkpoint
    const key = JSON.stringify([position, sequence, event])
    const vote = votes.get(key) ?? { checkpoint, count: 0 }
    vote.count++
    votes.set(key, vote)
  }
  let most: { readonly checkpoint: Checkpoint; readonly count: number } | null = null
  for (const vote of votes.values()) if (!most || vote.count > most.count) most = vote
  return most?.checkpoint ?? START
}

export function isSameCheckpoint(one: Checkpoint, other: Checkpoint): boolean {
  return one.position === other.position && one.sequence === other.sequence && one.event === other.event
}

/**
 * A projection that is made anew stands further behind than the others. One whose checkpoint is wrong is taken to stand where
 * most do.
 *
 * @throws ProjectionStopped where most rows were not made from this log.
 */
export async function placesOf(
  checkpoints: ReadonlyMap<string, Checkpoint>,
  store: EventStore,
  /** See `ReadModel`. */
  removal: string,
): Promise<Places> {
  const begun = new Map([...checkpoints].filter(([, checkpoint]) => !isSameCheckpoint(checkpoint, START)))
  const most = believed(begun)
  const origin = await originOf(most, store, removal)
  if (origin.kind === 'copied log' || origin.kind === 'other log') throw new ProjectionStopped(origin.message)
  const place = origin.kind === 'wrong position' ? { ...most, position: origin.position } : most
  const places = new Map(checkpoints)
  const wrong: string[] = []
  for (const [projection, checkpoint] of begun) {
    if (isSameCheckpoint(checkpoint, place)) continue
    const isElsewhere = checkpoint.event !== place.event
    if (isElsewhere && (await originOf(checkpoint, store, removal)).kind === 'this log') continue
    places.set(projection, place)
    wrong.push(projection)
  }
  return { places, wrong }
}

export function wrongCheckpoints(projections: readonly string[]): ProjectionStopped {
  return new ProjectionStopped(
    `The read model does not say rightly how far ${projections.join(' and ')} ${projections.length === 1 ? 'is' : 'are'}: it was changed or damaged. \`meterbook audit\` names what differs, \`meterbook rebuild\` mends it.`,
  )
}
