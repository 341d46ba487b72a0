/** Who asks for a change and through which request: the part of a command that becomes its events' metadata. */
export type { RequestContext } from '../event-store/transact.js'
