/** What a benchmark is: what it measures, and the figures that come out. */
import type { Figure } from './figures.js'
import type { Settings } from './settings.js'

export interface Case {
  readonly name: string
  readonly what: string
  run(settings: Settings): Promise<Figure[]>
}
