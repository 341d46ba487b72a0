/** Stripe's v1 lists: pages of at most 100, walked forwards after an object or backwards before one, never both. */
import { flag, listOf, namedObject, only, text, type Schema } from './answer-schemas.js'
import { IntegerText, Text, V1Parameters } from './parameter-decorators.js'

export const PAGE_LENGTH_MAX = 100
export const PAGE_LENGTH_DEFAULT = 10
/** Longer than any id Meterbook gives out. */
export const CURSOR_LENGTH_MAX = 255

export class ListParameters extends V1Parameters {
  @IntegerText({
    min: 1,
    max: PAGE_LENGTH_MAX,
    default: PAGE_LENGTH_DEFAULT,
    optional: true,
    description: 'Objects of a page.',
  })
  limit: number = PAGE_LENGTH_DEFAULT

  @Text({ optional: true, lengthMax: CURSOR_LENGTH_MAX, description: 'Id of the object after which the page begins.' })
  starting_after?: string

  @Text({
    optional: true,
    lengthMax: CURSOR_LENGTH_MAX,
    exclusiveWith: 'starting_after',
    description: 'Id of the object before which the page ends.',
  })
  ending_before?: string
}

export interface List<T> {
  readonly object: 'list'
  readonly data: readonly T[]
  readonly has_more: boolean
  readonly url: string
}

export function namedList<T>(name: string, item: Schema<T>): Schema<List<T>> {
  return namedObject(name, {
    object: only('list'),
    data: listOf(item),
    has_more: flag(
      'Whether there is another page: behind the last object, or before the first one with `ending_before`.',
    ),
    url: text('Path of the list.'),
  })
}

/** `url` is the path of the list, without its query. */
export function list<T>(url: string, data: readonly T[], hasMore: boolean): List<T> {
  return { object: 'list', data, has_more: hasMore, url }
}
