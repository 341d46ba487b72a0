/**
 * The writing thread of the embedded store. While one group is being flushed the next ones queue up; they become one
 * transaction, so the number of flushes does not grow with the number of callers.
 */
import { BroadcastChannel, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import type { FileIdentity } from '../opened-file.js'
import { EmbeddedEventWriter, wakeChannelName, type EncodedAppend } from './embedded-event-writer.js'
import type { AppendOutcome } from './event-store.js'

export interface WriterSettings {
  readonly file: string
  readonly identity: FileIdentity
}

export interface WriterRequest {
  readonly id: number
  readonly appends: readonly EncodedAppend[]
  /** Only whether the log can be written; without appends. */
  readonly isTrial?: true
}

/** Requests that are handed over together. */
export type WriterMessage = readonly WriterRequest[] | 'close'

export type WriterAnswer =
  | {
      /** How many messages it answers. */
      readonly messages: number
      readonly settled: readonly { readonly id: number; readonly outcomes: readonly AppendOutcome[] }[]
    }
  | 'closed'

/** Events of one transaction: keeps a flood from holding back its own answers. */
const GROUP_EVENTS_MAX = 10_000

if (!parentPort) throw new Error('This file is a worker thread.')
const port = parentPort
const { file, identity } = workerData as WriterSettings
const writer = new EmbeddedEventWriter(file, identity)
const wake = new BroadcastChannel(wakeChannelName(file))
wake.unref()

port.on('message', (first: WriterMessage) => {
  let message: WriterMessage | undefined = first
  while (message !== undefined) {
    const group: WriterRequest[] = []
    let messages = 0
    for (let events = 0; message !== undefined && message !== 'close' && events < GROUP_EVENTS_MAX; message = next()) {
      messages++
      for (const request of message) {
        group.push(request)
        for (const append of request.appends) events += append.events
      }
    }
    if (group.length > 0) write(group, messages)
    if (message === 'close') return close()
  }
})

function next(): WriterMessage | undefined {
  return receiveMessageOnPort(port)?.message as WriterMessage | undefined
}

function write(group: readonly WriterRequest[], messages: number): void {
  const outcomes = writer.append(group.flatMap(({ appends }) => appends))
  let taken = 0
  const settled = group.map(({ id, appends, isTrial }) => {
    if (isTrial) return { id, outcomes: writer.tryToWrite() }
    const mine = outcomes.slice(taken, taken + appends.length)
    taken += appends.length
    return { id, outcomes: mine }
  })
  port.postMessage({ messages, settled } satisfies WriterAnswer)
  wake.postMessage(null)
}

function close(): void {
  writer.close()
  wake.close()
  port.postMessage('closed' satisfies WriterAnswer)
  port.close()
}
