import { describe, expect, it } from '@jest/globals'
import { once } from 'node:events'
import { PassThrough } from 'node:stream'
import { LiveConnection } from '../../src/api/live-connection.js'

const HEARTBEAT_MS = 20

describe('A live connection', () => {
  const open = (mayGoOn = async (): Promise<boolean> => true): LiveConnection =>
    new LiveConnection({ position: () => '7', mayGoOn, heartbeatMs: HEARTBEAT_MS })

  it('says that it is there while nothing happens', async () => {
    const { body } = open()
    const read = body.pipe(new PassThrough({ encoding: 'utf8' }))
    let text = ''
    for await (const part of read as AsyncIterable<string>) {
      text += part
      if (text.split(': still here').length > 3) break
    }
    body.destroy()
    expect(text).toContain(
      'event: changed\ndata: {"topics":["meters","usage","rejections","projections"],"position":"7"}',
    )
  })

  it('drops a listener who does not read', async () => {
    const { body } = open()
    body.pipe(new PassThrough({ highWaterMark: 1 }))
    await once(body, 'close')
  })

  it.each([
    ['may no longer listen', async () => false],
    ['cannot be told to be who it was', () => Promise.reject(new Error('The store cannot be reached.'))],
  ])('ends before it tells anything to one who %s', async (_, mayGoOn) => {
    const { body } = open(mayGoOn)
    let text = ''
    for await (const part of body) text += String(part)
    expect(text).toBe('retry: 2000\n\n')
  })
})
