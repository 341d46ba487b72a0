import { afterAll, beforeAll } from '@jest/globals'
import { PostgresReadModel } from '../../src/read-model/postgres-read-model.js'
import { readModelContract } from '../contract/read-model.contract.js'
import { PostgresServer } from '../postgres-server.js'

let server: PostgresServer
beforeAll(async () => {
  server = await PostgresServer.start()
})
afterAll(() => server.stop())

readModelContract('PostgreSQL', async () => {
  const url = await server.newDatabase()
  return { open: (snapshotWaitMs) => new PostgresReadModel(url, snapshotWaitMs), remove: async () => undefined }
})
