/** The projections there are. By itself, since a command that names them needs nothing else of what asks for them. */
import { allProjections } from '../projections/projections.js'

export const projectionNames: readonly string[] = allProjections(() => undefined).map(({ projection }) => projection)
