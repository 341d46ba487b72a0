/**
 * The side file of an import: one JSON object for each line that was refused, saying which line, why, and the line itself.
 * It is made when there is something to say; an older one of the same import is taken away.
 */
import { once } from 'node:events'
import { createWriteStream, rmSync, statSync, type WriteStream } from 'node:fs'
import { ConfigError } from '../config.js'
import type { DomainError } from '../domain/errors.js'
import type { ImportLine } from './import-lines.js'
import { isSameFile } from './outside-data-folder.js'

export class RejectsFile {
  private stream: WriteStream | null = null
  private failure: Error | null = null
  /** Whether it is a file to be made, not a device to write to. */
  private readonly isNew: boolean

  /** `input` is what is read: it is never written over. */
  constructor(
    readonly path: string,
    input: string,
  ) {
    const there = statSync(path, { throwIfNoEntry: false })
    // A terminal, or /dev/null, may be both.
    if (there?.isCharacterDevice() === false && isSameFile(path, input)) {
      throw new ConfigError(`The refused lines cannot go to ${path}: it is read.`)
    }
    // Only a file: the path may as well be a device.
    if (there?.isFile()) rmSync(path)
    this.isNew = there?.isFile() ?? true
  }

  async add({ line, raw }: ImportLine, { code, message, param }: DomainError): Promise<void> {
    if (!this.stream) {
      // `wx` goes through no link that leads to nothing yet.
      this.stream = createWriteStream(this.path, { flags: this.isNew ? 'wx' : 'w', mode: 0o600 })
      this.stream.on('error', (error) => (this.failure = this.unwritten(error)))
    }
    if (this.failure) throw this.failure
    const text = JSON.stringify({ line, code, param, message, raw })
    if (this.stream.write(`${text}\n`)) return
    await once(this.stream, 'drain').catch((error: unknown) => {
      throw this.unwritten(error as Error)
    })
  }

  async close(): Promise<void> {
    const { stream } = this
    if (stream && !this.failure) {
      await new Promise<void>((resolve, reject) =>
        // Of one that failed a moment ago it is only said that it ended.
        stream.end((error?: Error | null) => (error ? reject(this.unwritten(stream.errored ?? error)) : resolve())),
      )
    }
    if (this.failure) throw this.failure
  }

  private unwritten(error: Error): Error {
    return new Error(`The refused lines could not all be written to ${this.path}: ${error.message}`, { cause: error })
  }
}
