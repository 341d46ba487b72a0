/** Pages are told apart by the part of the address after `#`, so the service serves one page and the back button works. */
import { useSyncExternalStore } from 'react'

export type Route = { readonly page: 'meters' } | { readonly page: 'create' } | { readonly page: 'unknown' }

export const paths = { meters: '#/', create: '#/meters/new' } as const

export function useRoute(): Route {
  return readRoute(useSyncExternalStore(onHashChange, () => location.hash))
}

export function goTo(path: string): void {
  location.hash = path
}

function readRoute(hash: string): Route {
  switch (hash) {
    case '':
    case '#':
    case paths.meters:
      return { page: 'meters' }
    case paths.create:
      return { page: 'create' }
    default:
      return { page: 'unknown' }
  }
}

function onHashChange(changed: () => void): () => void {
  addEventListener('hashchange', changed)
  return () => removeEventListener('hashchange', changed)
}
