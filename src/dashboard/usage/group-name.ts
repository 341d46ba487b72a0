/** How a group of usage is called: the values of its dimensions. */
import type { GroupSum } from './usage-answers.js'

export interface GroupWords {
  readonly others: string
  readonly emptyValue: string
}

export function groupName({ dimensions }: Pick<GroupSum, 'dimensions'>, { others, emptyValue }: GroupWords): string {
  if (dimensions === null) return others
  return Object.values(dimensions)
    .map((value) => (value === '' ? emptyValue : value))
    .join(' · ')
}

/** With the keys, where nothing around it says which they are. */
export function keyedGroupName({ dimensions }: Pick<GroupSum, 'dimensions'>, words: GroupWords): string {
  if (dimensions === null) return words.others
  return Object.entries(dimensions)
    .map(([key, value]) => `${key}: ${value === '' ? words.emptyValue : value}`)
    .join(' · ')
}
