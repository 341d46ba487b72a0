/** One place for example ids, times and events, used by every test. */
import { randomUUID } from 'node:crypto'
import type { EventMetadata, JsonObject, NewEvent } from '../src/event-store/event-store.js'

/** 2026-01-15T10:00:00.000Z, a Thursday. */
export const NOW = Date.UTC(2026, 0, 15, 10)

export const metadata: EventMetadata = {
  schema: 1,
  correlationId: 'req_control',
  causationId: 'req_control',
  actor: 'key_control',
}

/** A name no other test uses, so that suites can share one store. No `-`: it can stand as a category. */
export function uniqueName(prefix: string): string {
  return prefix + randomUUID().replaceAll('-', '')
}

export function newEvent(data: JsonObject = {}, type = 'Tested'): NewEvent {
  return { id: randomUUID(), type, data, metadata }
}

export async function collect<T>(pages: AsyncIterable<readonly T[]>): Promise<T[]> {
  const all: T[] = []
  for await (const page of pages) all.push(...page)
  return all
}
