/**
 * Opens the read model that `READ_MODEL_URL` names: `embedded:`, a file in the data folder, or a schema of a PostgreSQL database.
 */
import { existsSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { keepTemporaryFilesIn } from '../sqlite.js'
import { EmbeddedReadModel } from './embedded-read-model.js'
import { PostgresReadModel } from './postgres-read-model.js'
import { isPostgresUrl, readPostgresUrl } from './postgres-url.js'
import type { ReadModel } from './read-model.js'

export const READ_MODEL_FILE = 'read-model.db'
export const EMBEDDED_READ_MODEL = 'embedded:'

/** `use`: whether this thread goes on writing it, as a projector does, or reads and writes now and then. */
export function openReadModel(url: string, dataDir: string, use: 'lasting' | 'projected' = 'lasting'): ReadModel {
  if (url === EMBEDDED_READ_MODEL) {
    keepTemporaryFilesIn(dataDir)
    return new EmbeddedReadModel(join(dataDir, READ_MODEL_FILE), use)
  }
  if (isPostgresUrl(url)) return new PostgresReadModel(url)
  throw new Error(`No read model can be reached at ${url.split(':')[0]}:…`)
}

/** A read model that nobody else sees, in a folder that its maker removes. A small one has no usage records. */
export function openScratchReadModel(folder: string, use: 'scratch' | 'small-scratch' = 'scratch'): ReadModel {
  // Beside it: it is gone before the next is opened.
  keepTemporaryFilesIn(dirname(folder))
  return new EmbeddedReadModel(join(folder, READ_MODEL_FILE), use)
}

/** Where there would be rows if there are none, for the middle of a sentence; null where a service has made some. Makes nothing. */
export async function placeWithoutRows(url: string, dataDir: string): Promise<string | null> {
  if (url === EMBEDDED_READ_MODEL) return existsSync(join(dataDir, READ_MODEL_FILE)) ? null : resolve(dataDir)
  const readModel = openReadModel(url, dataDir)
  try {
    return (await readModel.schemas()).size === 0 ? `the ${readPostgresUrl(url).place}` : null
  } finally {
    await readModel.close()
  }
}
