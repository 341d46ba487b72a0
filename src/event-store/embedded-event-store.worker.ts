/**
 * The writing thread of the embedded store. While one group is being flushed the next ones queue up; they become one
 * transaction, so the number of flushes does not grow with the number of callers.
 */
import { BroadcastChannel, parentPort, receiveMessageOnPort, workerData } from 'node:worker_threads'
import { EmbeddedEventWriter, wakeChannelName, type EncodedAppend } from './embedded-event-writer.js'
import type { AppendOutcome } from './event-store.js'

export type WriterRequest = { readonly id: number; readonly appends: readonly EncodedAppend[] } | 'close'
export type WriterAnswer = readonly { readonly id: number; readonly outcomes: readonly AppendOutcome[] }[] | 'closed'

/** Events of one transaction: keeps a flood from holding back its own answers. */
const GROUP_EVENTS_MAX = 10_000

if (!parentPort) throw new Error('This file is a worker thread.')
const port = parentPort
const { file } = workerData as { readonly file: string }
const writer = new EmbeddedEventWriter(file)
const wake = new BroadcastChannel(wakeChannelName(file))
wake.unref()

port.on('message', (first: WriterRequest) => {
  let request: WriterRequest | undefined = first
  while (request !== undefined) {
    const group: { id: number; appends: readonly EncodedAppend[] }[] = []
    let events = 0
    while (request !== undefined && request !== 'close' && events < GROUP_EVENTS_MAX) {
      group.push(request)
      for (const append of request.appends) events += append.events
      request = next()
    }
    if (group.length > 0) write(group)
    if (request === 'close') return close()
  }
})

function next(): WriterRequest | undefined {
  return receiveMessageOnPort(port)?.message as WriterRequest | undefined
}

function write(group: readonly { id: number; appends: readonly EncodedAppend[] }[]): void {
  const outcomes = writer.append(group.flatMap(({ appends }) => appends))
  let taken = 0
  const answer: WriterAnswer = group.map(({ id, appends }) => {
    const mine = outcomes.slice(taken, taken + appends.length)
    taken += appends.length
    return { id, outcomes: mine }
  })
  port.postMessage(answer)
  wake.postMessage(null)
}

function close(): void {
  writer.close()
  wake.close()
  port.postMessage('closed' satisfies WriterAnswer)
  port.close()
}
