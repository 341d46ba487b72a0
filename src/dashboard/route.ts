/**
 * Pages are told apart by the part of the address after `#`, so the service serves one page and the back button works. What
 * is chosen on a page stands behind a `?` in it, so it is there again after a reload, and for whoever the address is sent to.
 * What an address does not say, or says wrongly, is as the page has it by itself.
 */
import { useMemo, useSyncExternalStore } from 'react'

export const meterTabs = ['overview', 'events', 'customers', 'history', 'integrate'] as const
export type MeterTab = (typeof meterTabs)[number]

export type Route =
  | { readonly page: 'meters' }
  | { readonly page: 'create' }
  | { readonly page: 'meter'; readonly meterId: string; readonly tab: MeterTab }
  | { readonly page: 'customer'; readonly customer: string }
  | { readonly page: 'rejections'; readonly identifier: string | null }
  | { readonly page: 'system' }
  | { readonly page: 'unknown' }

/** undefined: as the page has it by itself. */
export type AddressQuery = Readonly<Record<string, string | undefined>>

/** A step is undone by the back button; a small change becomes part of the one before. */
export type Change = 'step' | 'small change'

export const paths = {
  meters: '#/',
  create: '#/meters/new',
  meter: (meterId: string, tab: MeterTab = 'overview', query: AddressQuery = {}) =>
    `#/meters/${encodeURIComponent(meterId)}${tab === 'overview' ? '' : `/${tab}`}${queryText(query)}`,
  event: (meterId: string, identifier: string, query: AddressQuery = {}) =>
    paths.meter(meterId, 'events', { ...query, identifier }),
  customer: (customer: string, query: AddressQuery = {}) =>
    `#/customers/${encodeURIComponent(customer)}${queryText(query)}`,
  rejections: '#/rejections',
  rejectionsOf: (identifier: string, query: AddressQuery = {}) =>
    `#/rejections${identifier === '' ? '' : `/${encodeURIComponent(identifier)}`}${queryText(query)}`,
  rejectionsOfCustomer: (customer: string) => paths.rejectionsOf('', { customer }),
  system: '#/system',
} as const

export function useRoute(): Route {
  return readRoute(useAddress())
}

/** Of the page, without what is chosen on it. */
export function useAddress(): string {
  return useSyncExternalStore(onHashChange, () => splitAddress()[0])
}

/** What is chosen on the page. */
export function useAddressQuery(): URLSearchParams {
  const text = useSyncExternalStore(onHashChange, () => splitAddress()[1])
  return useMemo(() => new URLSearchParams(text), [text])
}

/** Names that are not given stay as they are. */
export function changeQuery(changes: AddressQuery, change: Change): void {
  const [path, text] = splitAddress()
  const query = { ...Object.fromEntries(new URLSearchParams(text)), ...changes }
  changeAddress((path === '' ? '#/' : path) + queryText(query), change)
}

/** Of a page that has a name of what it shows before the `?`. */
export function changeAddress(address: string, change: Change): void {
  const [path, text] = splitAddress()
  if (address === path + (text === '' ? '' : `?${text}`)) return
  if (change === 'step') history.pushState(null, '', address)
  else history.replaceState(null, '', address)
  // Browsers say it only of what they do themselves.
  dispatchEvent(new HashChangeEvent('hashchange'))
}

export function goTo(path: string): void {
  location.hash = path
}

/** An address that names no page, or that is not encoded rightly, is `unknown`. */
function readRoute(hash: string): Route {
  const [folder = '', name, tab, ...rest] = decoded(hash.replace(/^#?\/?/, ''))
  if (rest.length > 0 || (tab !== undefined && folder !== 'meters')) return { page: 'unknown' }
  switch (folder) {
    case '':
      return name === undefined ? { page: 'meters' } : { page: 'unknown' }
    case 'meters':
      if (name === 'new') return { page: 'create' }
      return readMeter(name, tab ?? 'overview')
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

function readMeter(name: string | undefined, tab: string): Route {
  return name && isTab(tab) ? { page: 'meter', meterId: name, tab } : { page: 'unknown' }
}

/** The address of the page, and what stands behind the `?`. */
function splitAddress(): readonly [string, string] {
  const { hash } = location
  const at = hash.indexOf('?')
  return at === -1 ? [hash, ''] : [hash.slice(0, at), hash.slice(at + 1)]
}

function queryText(query: AddressQuery): string {
  const search = new URLSearchParams()
  for (const [name, value] of Object.entries(query)) if (value !== undefined) search.set(name, value)
  // Times can be read as they are.
  return search.size === 0 ? '' : `?${search.toString().replaceAll('%3A', ':')}`
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
