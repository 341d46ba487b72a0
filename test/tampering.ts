/** Changes to a log, and to a read model that no event made, as a bug or somebody with a tool for databases would make them. */
import { EmbeddedReadModel } from '../src/read-model/embedded-read-model.js'
import { usageCells, type UsageCellRow } from '../src/read-model/tables.js'
import { SqliteDatabase } from '../src/sqlite.js'

/** Whoever changes the file with a tool does not count himself among those who write it (decision 46). */
async function uncounted(file: string, change: () => Promise<void>): Promise<void> {
  const database = new SqliteDatabase(file)
  try {
    const writes = database.pragma('application_id', { simple: true }) as number
    await change()
    database.pragma(`application_id = ${writes}`)
  } finally {
    database.close()
  }
}

/** Gives every cell of sums and counts that is chosen another whole state. Answers how many there were. */
export async function changeCells(
  file: string,
  isChosen: (cell: UsageCellRow) => boolean,
  state: string,
): Promise<number> {
  const readModel = new EmbeddedReadModel(file)
  try {
    const cells = await readModel.range(usageCells, { limit: Number.MAX_SAFE_INTEGER })
    const chosen = cells.filter(isChosen)
    const missing = (cell: UsageCellRow): string => String(BigInt(state) - BigInt(cell.state))
    await uncounted(file, () =>
      readModel.write((rows) =>
        rows.add(
          usageCells,
          chosen.map((cell) => ({ ...cell, records: 0, state: missing(cell) })),
        ),
      ),
    )
    return chosen.length
  } finally {
    await readModel.close()
  }
}

/** Takes events out of an embedded log: those of which the SQL condition is true, at least one. */
export function deleteEvents(logFile: string, where: string): void {
  const database = new SqliteDatabase(logFile)
  try {
    database.exec('DROP TRIGGER IF EXISTS events_are_never_deleted')
    const { changes } = database.prepare(`DELETE FROM events WHERE ${where}`).run()
    if (changes === 0) throw new Error(`There is no event of which this is true: ${where}`)
  } finally {
    database.close()
  }
}

/** Flips one bit of what is kept in sorted runs under this name. */
export function flipBitOfRuns(file: string, name: string): void {
  const database = new SqliteDatabase(file)
  try {
    const { block, entries } = database.prepare(`SELECT block, entries FROM ${name}_blocks LIMIT 1`).get() as {
      block: number
      entries: Buffer
    }
    entries[entries.length - 1]! ^= 0x40
    database.prepare(`UPDATE ${name}_blocks SET entries = ? WHERE block = ?`).run(entries, block)
  } finally {
    database.close()
  }
}
