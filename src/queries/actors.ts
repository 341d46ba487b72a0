/** Who did something, for people: an event names an API key by its id, people know it by its name and last characters. */
import type * as ApiKeys from '../domain/api-keys.js'

export interface Actor {
  /** An API key's id, or `system`. */
  readonly id: string
  /** null for `system`. */
  readonly name: string | null
  readonly lastFour: string | null
}

export class Actors {
  /** `keys` reads every key ever issued, revoked ones included. */
  constructor(private readonly keys: () => Promise<ApiKeys.State>) {}

  /** In the order asked for. */
  async of(ids: readonly string[]): Promise<Actor[]> {
    const { keys } = await this.keys()
    return ids.map((id) => {
      const key = keys.get(id)
      return { id, name: key?.name ?? null, lastFour: key?.lastFour ?? null }
    })
  }
}
