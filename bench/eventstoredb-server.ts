/** The wire-level test server in a process of its own. */
import { EventStoreDbServer } from '../test/eventstoredb-server/eventstoredb-server.js'
import { answerWith } from './child.js'

answerWith(async (): Promise<string> => (await EventStoreDbServer.start()).url)
