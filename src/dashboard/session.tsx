/** Who is signed in. Any answer that says the session is over leads back to signing in. */
import type { QueryClient } from '@tanstack/react-query'
import { createContext, useContext } from 'react'
import type { Session } from './answers.js'
import { Failure, get } from './service-client.js'

export const SignedIn = createContext<Session | null>(null)

export const sessionKey = ['session']

/** Kept from the first answer of a session until someone signs out: without one, its end is not a first visit. */
const SIGNED_IN = 'meterbook-signed-in'

/** null: nobody is signed in. */
export async function askForSession(signal: AbortSignal): Promise<Session | null> {
  try {
    const session = await get<Session>('/meterbook/v1/session', {}, signal)
    localStorage.setItem(SIGNED_IN, 'yes')
    return session
  } catch (error) {
    if (endsSession(error)) return null
    throw error
  }
}

export function endsSession(error: unknown): boolean {
  return error instanceof Failure && error.status === 401
}

/** While nobody is signed in: whether someone was, and did not sign out. */
export function isSessionOver(): boolean {
  return localStorage.getItem(SIGNED_IN) !== null
}

/** Nothing that one session saw is there for the next. */
export function changeSession(client: QueryClient, session: Session | null): void {
  if (session) localStorage.setItem(SIGNED_IN, 'yes')
  else localStorage.removeItem(SIGNED_IN)
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
