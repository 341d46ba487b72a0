/** A listener on `/meterbook/v1/live`, over plain HTTP: keeps what it was sent, and can wait for it. */
import { once } from 'node:events'
import { request, type IncomingMessage } from 'node:http'

export interface LiveMessage {
  readonly topics: readonly string[]
  readonly position: string | null
}

export class LiveStream {
  private text = ''
  private read = 0

  private constructor(readonly response: IncomingMessage) {
    response.setEncoding('utf8')
    response.on('data', (text: string) => (this.text += text))
    // A connection that is cut off is over, like one that ended.
    response.on('error', () => undefined)
  }

  /** With the headers given, an API key's or a browser's. */
  static async open(url: string, headers: Readonly<Record<string, string>>): Promise<LiveStream> {
    const asked = request(`${url}/meterbook/v1/live`, { headers, agent: false })
    asked.end()
    const [response] = (await once(asked, 'response')) as [IncomingMessage]
    return new LiveStream(response)
  }

  get status(): number {
    return this.response.statusCode ?? 0
  }

  /** Everything so far, as it came. */
  get received(): string {
    return this.text
  }

  /** The next message that was not taken yet. */
  async next(): Promise<LiveMessage> {
    for (;;) {
      const message = /event: changed\ndata: (.*)\n\n/.exec(this.text.slice(this.read))
      if (message) {
        this.read += message.index + message[0].length
        return JSON.parse(message[1] as string) as LiveMessage
      }
      if (this.response.closed) throw new Error(`It ended after: ${this.text}`)
      await Promise.race([once(this.response, 'data'), once(this.response, 'close')])
    }
  }

  /** Messages until one names the topic. */
  async untilChanged(topic: string): Promise<LiveMessage> {
    for (;;) {
      const message = await this.next()
      if (message.topics.includes(topic)) return message
    }
  }

  /** Resolves when the service has ended it; messages before that are kept. */
  async ended(): Promise<void> {
    if (!this.response.closed) await once(this.response, 'close')
  }

  close(): void {
    this.response.destroy()
  }
}

export function bearer(key: string): { readonly authorization: string } {
  return { authorization: `Bearer ${key}` }
}
