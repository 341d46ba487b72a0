/** What is watched of a running service, read where each part knows it. */
import { setTimeout as delay } from 'node:timers/promises'
import type { App } from './app.js'
import { READINESS, type Readiness } from './api/health.controller.js'
import { LiveConnections } from './api/live-connections.js'
import type { ServiceParts } from './app.module.js'
import type { Observed } from './metrics/metrics.js'

/** Whoever collects metrics waits for 10 s by default, and a store that is silent may take as long to be given up. */
const READINESS_WAIT_MS = 5_000

export function observing({ app, bodies, answers }: App, parts: ServiceParts): () => Promise<Observed> {
  const { readYourWrites, usage, rejections, audits, rebuilds, isWriting } = parts
  const readiness = app.get<() => Promise<Readiness>>(READINESS)
  const live = app.get(LiveConnections)
  return async () => {
    const known = await withinWait(readiness())
    const { running, completed } = rebuilds.rebuilds
    return {
      isReady: known !== null && known.reason === null,
      isEventStoreReachable: known && known.event_store === 'reachable',
      areProjectionsStopped: readYourWrites.stopped !== null,
      isWriting: isWriting(),
      usageEvents: readYourWrites.sequence,
      behindMs: readYourWrites.behindMs,
      isRebuildRunning: running !== null,
      rebuildDifferences: completed?.differenceCount ?? 0,
      isAuditRunning: audits.isRunning,
      lastVerdicts: audits.lastVerdicts,
      usageCommands: { ...usage.counts },
      rejectedEvents: rejections.counts,
      connections: answers.connections,
      liveConnections: live.count,
      bytesInHand: { requests: bodies.bytes, answers: answers.bytes },
    }
  }
}

/** null where it takes too long. */
async function withinWait(asked: Promise<Readiness>): Promise<Readiness | null> {
  const waited = new AbortController()
  const tooLong = delay(READINESS_WAIT_MS, null, { signal: waited.signal }).catch(() => null)
  try {
    return await Promise.race([asked, tooLong])
  } finally {
    waited.abort()
  }
}
