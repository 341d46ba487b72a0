/**
 * The embedded store alone against plain better-sqlite3: the same events, the same table, batches of the same size, each
 * flushed before the next. Other event stores on SQLite are left out: the one worth comparing declares a dependency that was
 * never published, so it cannot be installed beside this project without harm.
 */
import { Child } from './child.js'
import type { Case } from './case.js'
import { besides } from './figures.js'
import { temporaryFolder } from './metering-service.js'
import { APPEND_EVENTS, PARTITIONS } from './settings.js'
import type { SqliteQuestion } from './sqlite-appends.js'

export const sideBySideCase: Case = {
  name: 'side-by-side',
  what: `appends of ${APPEND_EVENTS} events: the embedded store, ${PARTITIONS} streams at once, against plain better-sqlite3`,
  run: async ({ runs, streamRequests: appends }) => {
    const child = new Child<SqliteQuestion, number>('./sqlite-appends.js')
    const folder = temporaryFolder()
    const ours: number[] = []
    const theirs: number[] = []
    for (let run = 0; run <= runs; run++) {
      const theirRun = await child.ask({ with: 'plain', folder, appends, run })
      const ourRun = await child.ask({ with: 'store', folder, appends, run })
      if (run === 0) continue
      theirs.push(theirRun)
      ours.push(ourRun)
    }
    await child.end()
    return [besides('side-by-side', 'appended events/s', ours, { name: 'plain', runs: theirs })]
  },
}
