/**
 * Unpacked blocks of runs, by the tables they are of: as many as are worth their memory. A block is never changed, and its
 * number never used again, so those who read committed rows through several connections may share them.
 */
import type { Entries } from './run-walk.js'

export type BlocksOfTable = Map<number, Entries>

export class RememberedBlocks {
  private readonly tables = new Map<string, BlocksOfTable>()
  private count = 0

  /** A block takes some 10 KiB. */
  constructor(private readonly blocksMax: number) {}

  of(table: string): BlocksOfTable {
    const known = this.tables.get(table)
    if (known) return known
    const blocks: BlocksOfTable = new Map()
    this.tables.set(table, blocks)
    return blocks
  }

  remember(blocks: BlocksOfTable, id: number, entries: Entries): void {
    if (this.count >= this.blocksMax) this.forgetOldest()
    blocks.set(id, entries)
    this.count++
  }

  forget(table: string): void {
    const blocks = this.of(table)
    this.count -= blocks.size
    blocks.clear()
  }

  /** The older half of each table. */
  private forgetOldest(): void {
    for (const blocks of this.tables.values()) {
      let left = Math.ceil(blocks.size / 2)
      this.count -= left
      for (const id of blocks.keys()) {
        if (left-- === 0) break
        blocks.delete(id)
      }
    }
  }
}
