/**
 * The EventStoreDB adapter against the client it is made of, on the wire-level test server: what settling, ordering and
 * limits cost. The server keeps its log in memory, so this says nothing about a real one's speed.
 */
import { Child } from './child.js'
import type { Case } from './case.js'
import type { AppendQuestion } from './eventstoredb-appends.js'
import { besides } from './figures.js'
import { APPEND_EVENTS, PARTITIONS, targets } from './settings.js'

export const eventStoreDbCase: Case = {
  name: 'eventstoredb',
  what: `appends of ${APPEND_EVENTS} events to ${PARTITIONS} streams at once: the adapter against the bare client`,
  run: async ({ runs, eventStoreDbAppends: appends }) => {
    const server = new Child<'start', string>('./eventstoredb-server.js')
    const url = await server.ask('start')
    // Clients of one process share a table inside the package, so each side has its own process.
    const adapter = new Child<AppendQuestion, number>('./eventstoredb-appends.js')
    const client = new Child<AppendQuestion, number>('./eventstoredb-appends.js')
    const ours: number[] = []
    const theirs: number[] = []
    for (let run = 0; run <= runs; run++) {
      const theirRun = await client.ask({ with: 'client', url, appends, run })
      const ourRun = await adapter.ask({ with: 'adapter', url, appends, run })
      // The first is for warming up.
      if (run === 0) continue
      theirs.push(theirRun)
      ours.push(ourRun)
    }
    await Promise.all([adapter.end(), client.end()])
    await server.end()
    return [besides('eventstoredb', 'appended events/s', ours, { name: 'client', runs: theirs }, targets.eventStoreDb)]
  },
}
