/** The part of a command that becomes its events' metadata, and where those events then stand. */
export type { Appended, RequestContext } from '../event-store/transact.js'
