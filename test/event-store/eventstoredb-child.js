/**
 * What must be seen from outside a process: that it survives the client's stray rejections, dies of any other, and
 * ends by itself. A scenario is an argument; it prints a line when it got somewhere and goes on when told to.
 */
import { EventStoreDBClient, NO_STREAM, jsonEvent } from '@eventstore/db-client'
import { randomUUID } from 'node:crypto'
import { createInterface } from 'node:readline'
import { EventStoreDbEventStore } from '../../dist/event-store/eventstoredb-event-store.js'

const [scenario, ...urls] = process.argv.slice(2)
const say = (line) => process.stdout.write(`${line}\n`)

const input = createInterface({ input: process.stdin })
const told = new Set()
let onTold = () => {}
input.on('line', (line) => {
  told.add(line)
  onTold()
})
async function wait(line) {
  while (!told.has(line)) await new Promise((resolve) => (onTold = resolve))
}

const log = {
  info: () => {},
  warn: (_details, message) => say(`warn ${message}`),
  error: (_details, message) => say(`error ${message}`),
}
const limits = { appendTryMs: 2_000, backOffMsMin: 5, backOffMsMax: 50, closeMs: 2_000, disposeMs: 300 }
const open = (url, more = {}) => EventStoreDbEventStore.open({ url, log, limits: { ...limits, ...more } })
const metadata = { schema: 1, correlationId: 'req_child', causationId: 'req_child', actor: 'system' }
const newEvent = (data = {}) => ({ id: randomUUID(), type: 'Tested', data, metadata })
const append = async (store, stream, expectedRevision, events) =>
  (await store.append([{ stream, expectedRevision, events }]))[0].status

const scenarios = {
  /** Two stores in one process: the second one's lost connection must not hurt the first one's append. */
  async 'two-stores'() {
    const [mine, theirs] = urls.map((url) => open(url))
    say(`theirs ${await append(theirs, 's-1', 0, [newEvent()])}`)
    say(`mine ${await append(mine, 's-1', 0, [newEvent()])}`)
    await wait('go')
    const held = append(mine, 's-2', 0, [newEvent()])
    say(`held ${await held}`)
    await wait('released')
    say(`after ${await append(mine, 's-3', 0, [newEvent()])}`)
    await Promise.all([mine.close(), theirs.close()])
    input.close()
  },

  /** The same with the bare client. */
  async 'two-clients'() {
    const [mine, theirs] = urls.map((url) => EventStoreDBClient.connectionString(url))
    const send = (client, stream) =>
      client.appendToStream(stream, jsonEvent({ type: 'Tested', data: {} }), { expectedRevision: NO_STREAM })
    await send(theirs, 's-1')
    await send(mine, 's-1')
    say('ready')
    await wait('go')
    const held = send(mine, 's-2')
    await held.catch((error) => say(`held ${error.type}`))
    await wait('released')
    await send(mine, 's-3')
    say('after appended')
  },

  /** More appends than the connection takes in, given up while they wait in the client's send buffer. */
  async stalled() {
    const store = open(urls[0], { appendTryMs: 1_000, appendTotalMs: 30_000 })
    const data = { text: 'x'.repeat(20_000) }
    const appends = Array.from({ length: 200 }, (_, n) => append(store, `s-${n}`, 0, [newEvent(data)]))
    say('sent')
    const statuses = await Promise.all(appends)
    say(`settled ${statuses.filter((status) => status === 'appended').length}`)
    await store.close()
    input.close()
  },

  /** Someone else's unhandled rejection still ends the process. */
  async 'other-rejection'() {
    const store = open(urls[0])
    say(await append(store, 's-1', 0, [newEvent()]))
    void Promise.reject(new Error('somebody forgot this'))
    await wait('never')
  },

  /** Everything in use, then closed: nothing keeps the process. */
  async exit() {
    const store = open(urls[0])
    say(await append(store, 's-1', 0, [newEvent()]))
    for await (const _ of store.readStream('s-1')) break
    const following = (async () => {
      for await (const item of store.subscribe({
        after: null,
        categories: ['s'],
        signal: new AbortController().signal,
      })) {
        say(item.type)
      }
    })()
    await wait('close')
    input.close()
    await store.close()
    await following
    say('closed')
  },
}

await scenarios[scenario]()
