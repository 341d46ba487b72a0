/** Pages are told apart by the part of the address after `#`, so the service serves one page and the back button works. */
import { useSyncExternalStore } from 'react'

export const meterTabs = ['overview', 'events', 'customers', 'history', 'integrate'] as const
export type MeterTab = (typeof meterTabs)[number]

export type Route =
  | { readonly page: 'meters' }
  | { readonly page: 'create' }
  | {
      readonly page: 'meter'
      readonly meterId: string
      readonly tab: MeterTab
      /** Of the one event that is looked at; null: all of them. */
      readonly identifier: string | null
    }
  | { readonly page: 'customer'; readonly customer: string }
  | { readonly page: 'rejections'; readonly identifier: string | null }
  | { readonly page: 'system' }
  | { readonly page: 'unknown' }

export const paths = {
  meters: '#/',
  create: '#/meters/new',
  meter: (meterId: string, tab: MeterTab = 'overview') =>
    `#/meters/${encodeURIComponent(meterId)}${tab === 'overview' ? '' : `/${tab}`}`,
  event: (meterId: string, identifier: string) =>
    `#/meters/${encodeURIComponent(meterId)}/events/${encodeURIComponent(identifier)}`,
  customer: (customer: string) => `#/customers/${encodeURIComponent(customer)}`,
  rejections: '#/rejections',
  rejectionsOf: (identifier: string) => `#/rejections/${encodeURIComponent(identifier)}`,
  system: '#/system',
} as const

export function useRoute(): Route {
  return readRoute(useAddress())
}

export function useAddress(): string {
  return useSyncExternalStore(onHashChange, () => location.hash)
}

export function goTo(path: string): void {
  location.hash = path
}

/** An address that names no page, or that is not encoded rightly, is `unknown`. */
function readRoute(hash: string): Route {
  const [folder = '', name, tab = 'overview', identifier = null, ...rest] = decoded(hash.replace(/^#?\/?/, ''))
  if (rest.length > 0 || identifier === '') return { page: 'unknown' }
  if (identifier !== null && (folder !== 'meters' || tab !== 'events')) return { page: 'unknown' }
  switch (folder) {
    case '':
      return name === undefined ? { page: 'meters' } : { page: 'unknown' }
    case 'meters':
      if (name === 'new') return { page: 'create' }
      return name && isTab(tab) ? { page: 'meter', meterId: name, tab, identifier } : { page: 'unknown' }
    case 'customers':
      return name ? { page: 'customer', customer: name } : { page: 'unknown' }
    case 'rejections':
      return name === '' ? { page: 'unknown' } : { page: 'rejections', identifier: name ?? null }
    case 'system':
      return name === undefined ? { page: 'system' } : { page: 'unknown' }
    default:
      return { page: 'unknown' }
  }
}

function decoded(path: string): string[] {
  try {
    return path.split('/').map(decodeURIComponent)
  } catch {
    return ['malformed address']
  }
}

function isTab(text: string): text is MeterTab {
  return (meterTabs as readonly string[]).includes(text)
}

function onHashChange(changed: () => void): () => void {
  addEventListener('hashchange', changed)
  return () => removeEventListener('hashchange', changed)
}
