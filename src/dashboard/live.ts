/**
 * Keeps the pages true to the ledger: the service says which topics changed, and whatever is shown of those is asked again.
 * The first element of a query's key is its topic.
 *
 * While the page is out of sight nothing is listened to: browsers open only a few connections to one host, and many tabs
 * would use them up. On each connection the service begins with every topic, so nothing is missed in between.
 */
import { useQueryClient, type QueryClient } from '@tanstack/react-query'
import { useEffect, useState } from 'react'
import { addressOf } from './service-address.js'
import { sessionKey } from './session.js'

export type LiveState = 'connecting' | 'live' | 'reconnecting'

const LIVE_PATH = '/meterbook/v1/live'
/** After the service refused to be listened to: a lost connection the browser mends by itself. */
const REFUSED_RETRY_MS = 5_000
/** How much longer than a round the rest after it is. */
const RESTS_PER_ROUND = 3
/** From one round of asking again to the next, while much happens. */
const ROUND_INTERVAL_MS = 1_000

/** To be used once on a page; listens while it is there. */
export function useLive(): LiveState {
  const client = useQueryClient()
  const [state, setState] = useState<LiveState>('connecting')
  useEffect(() => listen(client, setState), [client])
  return state
}

function listen(client: QueryClient, onState: (state: LiveState) => void): () => void {
  const refresh = refresher(client)
  let source: EventSource | null = null
  let retry: ReturnType<typeof setTimeout> | undefined
  const close = (): void => {
    clearTimeout(retry)
    source?.close()
    source = null
  }
  const open = (): void => {
    close()
    const opened = new EventSource(addressOf(LIVE_PATH))
    source = opened
    opened.addEventListener('open', () => onState('live'))
    opened.addEventListener('changed', ({ data }: MessageEvent<string>) => refresh(topicsOf(data)))
    opened.addEventListener('error', () => {
      onState('reconnecting')
      if (opened.readyState !== EventSource.CLOSED) return
      // It does not say why it was refused. If the session is over, asking for it leads to signing in.
      void client.invalidateQueries({ queryKey: sessionKey })
      retry = setTimeout(open, REFUSED_RETRY_MS)
    })
  }
  const follow = (): void => (document.hidden ? close() : open())
  document.addEventListener('visibilitychange', follow)
  follow()
  return () => {
    document.removeEventListener('visibilitychange', follow)
    close()
  }
}

/**
 * Asks again for topics, one round after the other: however fast they change, every round comes to its end, and rounds that
 * take long are followed by rests, so that a page of a large meter leaves the service its time.
 */
function refresher(client: QueryClient): (topics: readonly string[]) => void {
  const pending = new Set<string>()
  let isRunning = false
  const run = async (): Promise<void> => {
    if (isRunning) return
    isRunning = true
    while (pending.size > 0) {
      const topics = [...pending]
      pending.clear()
      const began = performance.now()
      await Promise.all(topics.map((topic) => client.invalidateQueries({ queryKey: [topic] })))
      const tookMs = performance.now() - began
      const restMs = Math.max(ROUND_INTERVAL_MS - tookMs, tookMs * RESTS_PER_ROUND)
      await new Promise((rested) => setTimeout(rested, restMs))
    }
    isRunning = false
  }
  return (topics) => {
    for (const topic of topics) pending.add(topic)
    void run()
  }
}

function topicsOf(data: string): readonly string[] {
  return (JSON.parse(data) as { readonly topics: readonly string[] }).topics
}
