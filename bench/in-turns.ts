/** Two sides measured in turns, so that whatever else the machine is doing falls on both. */
import { LoadMaker } from './contestants.js'
import type { Figure } from './figures.js'

/** Runs `first` and `second` in turns, once before it counts. */
export async function alternate<First, Second>(
  runs: number,
  first: () => Promise<First>,
  second: () => Promise<Second>,
): Promise<{ first: First[]; second: Second[] }> {
  await first()
  await second()
  const results: { first: First[]; second: Second[] } = { first: [], second: [] }
  for (let run = 0; run < runs; run++) {
    results.first.push(await first())
    results.second.push(await second())
  }
  return results
}

export async function withLoad(work: (load: LoadMaker) => Promise<Figure[]>): Promise<Figure[]> {
  const load = new LoadMaker()
  try {
    return await work(load)
  } finally {
    await load.end()
  }
}

export function pick<Key extends string>(runs: readonly Readonly<Record<Key, number>>[], key: Key): number[] {
  return runs.map((run) => run[key])
}
