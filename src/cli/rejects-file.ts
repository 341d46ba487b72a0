/**
 * The side file of an import: one JSON object for each line that was refused, saying which line, why, and the line itself.
 * It is made when there is something to say; an older one of the same import is taken away.
 */
import { once } from 'node:events'
import { createWriteStream, rmSync, statSync, type WriteStream } from 'node:fs'
import { ConfigError } from '../config.js'
import type { DomainError } from '../domain/errors.js'
import type { ImportLine } from './import-lines.js'

export class RejectsFile {
  private stream: WriteStream | null = null
  private failure: Error | null = null

  /** `input` is what is read: it is never written over. */
  constructor(
    readonly path: string,
    input: string | null,
  ) {
    if (input !== null && isSameFile(path, input))
      throw new ConfigError(`The refused lines cannot go to ${path}: it is read.`)
    // Only a file: the path may as well be a device.
    if (statSync(path, { throwIfNoEntry: false })?.isFile()) rmSync(path)
  }

  async add({ line, raw }: ImportLine, { code, message, param }: DomainError): Promise<void> {
    if (!this.stream) {
      this.stream = createWriteStream(this.path, { mode: 0o600 })
      this.stream.on('error', (error) => (this.failure = error))
    }
    if (this.failure) throw this.failure
    const text = JSON.stringify({ line, code, param, message, raw })
    if (!this.stream.write(`${text}\n`)) await once(this.stream, 'drain')
  }

  async close(): Promise<void> {
    if (this.stream && !this.failure) await new Promise<void>((resolve) => this.stream?.end(resolve))
    if (this.failure) throw this.failure
  }
}

function isSameFile(one: string, other: string): boolean {
  const [left, right] = [one, other].map((path) => statSync(path, { throwIfNoEntry: false }))
  return left !== undefined && right !== undefined && left.dev === right.dev && left.ino === right.ino
}
