/** Who is signed in. Any answer that says the session is over leads back to signing in. */
import type { QueryClient } from '@tanstack/react-query'
import { createContext, useContext } from 'react'
import type { Session } from './answers.js'

export const SignedIn = createContext<Session | null>(null)

export const sessionKey = ['session']

/** Nothing that one session saw is there for the next. */
export function changeSession(client: QueryClient, session: Session | null): void {
  client.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== sessionKey[0] })
  client.setQueryData(sessionKey, session)
}

/** @throws Error outside the pages of someone who is signed in: a bug. */
export function useSession(): Session {
  const session = useContext(SignedIn)
  if (!session) throw new Error('Nobody is signed in here.')
  return session
}

/** The service refuses it anyway; this only keeps buttons away that would be refused. */
export function useMayChange(): boolean {
  return useSession().role === 'secret'
}
