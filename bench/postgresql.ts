/**
 * The service with its rows in PostgreSQL against the same service with its rows in the file, on one machine, which the server
 * shares. It is a test's own server without flushes (`fsync=off`): the rows can be made anew, and what is durable is the log.
 */
import { PostgresServer } from '../test/postgres-server.js'
import type { Case } from './case.js'
import { LoadedService, type Burst, type ServiceBurst } from './contestants.js'
import { besides, type Figure } from './figures.js'
import { alternate, pick, withLoad } from './in-turns.js'

export const postgresqlCase: Case = {
  name: 'postgresql',
  what: 'the stream load and single events with the rows in PostgreSQL, against the rows in the file',
  run: ({ runs, streamRequests, singleRequests }) =>
    withLoad(async (load) => {
      const server = await PostgresServer.start()
      try {
        const file = await LoadedService.start(load)
        const postgres = await LoadedService.start(load, { readModelUrl: await server.newDatabase() })
        const figures: Figure[] = []
        const bursts: Burst[] = [
          { shape: 'stream', requests: streamRequests },
          { shape: 'form', requests: singleRequests },
        ]
        for (const burst of bursts) {
          const { first, second } = await alternate(
            runs,
            () => file.burst(burst),
            () => postgres.burst(burst),
          )
          const figure = (name: string, key: Measured): Figure =>
            besides(`postgresql ${burst.shape}`, name, pick(second, key), { name: 'file', runs: pick(first, key) })
          figures.push(
            figure('acknowledged events/s', 'eventsPerSecond'),
            figure('counted in the rows events/s', 'projectedPerSecond'),
            figure('answer p99 ms', 'p99Ms'),
            figure("the service's processor time per event µs", 'processorMicrosecondsPerEvent'),
          )
        }
        for (const loaded of [file, postgres]) {
          await loaded.check()
          await loaded.service.stop()
        }
        return figures
      } finally {
        await server.stop()
      }
    }),
}

type Measured = keyof ServiceBurst &
  ('eventsPerSecond' | 'projectedPerSecond' | 'p99Ms' | 'processorMicrosecondsPerEvent')
