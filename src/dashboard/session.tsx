/**
 * Who is signed in. Any answer that says the session is over leads back to signing in.
 *
 * All windows of a browser have one session: whoever signs in or out in one of them does so in all.
 */
import { useQueryClient, type QueryClient } from '@tanstack/react-query'
import { createContext, useContext, useEffect } from 'react'
import type { Session } from './answers.js'
import { Failure, get, newIdempotencyKey } from './service-client.js'

export const SignedIn = createContext<Session | null>(null)

export const sessionKey = ['session']

/**
 * Kept from the first answer of a session until someone signs out: without one, its end is not a first visit. Its value is
 * another with each signing in, so the other windows hear of it.
 */
const SIGNED_IN = 'meterbook-signed-in'

/** null: nobody is signed in. */
export async function askForSession(client: QueryClient, signal: AbortSignal): Promise<Session | null> {
  try {
    const session = await get<Session>('/meterbook/v1/session', {}, signal)
    if (!isSessionOver()) localStorage.setItem(SIGNED_IN, newIdempotencyKey())
    const before = client.getQueryData<Session | null>(sessionKey)
    if (before && sessionName(before) !== sessionName(session)) forgetPages(client)
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

export function changeSession(client: QueryClient, session: Session | null): void {
  if (session) localStorage.setItem(SIGNED_IN, newIdempotencyKey())
  else localStorage.removeItem(SIGNED_IN)
  forgetPages(client)
  client.setQueryData(sessionKey, session)
}

/** To be used once: what is shown ends when another window signs in or out, and who is signed in is asked for anew. */
export function useSessionOfAllWindows(): void {
  const client = useQueryClient()
  useEffect(() => {
    const follow = ({ key }: StorageEvent): void => {
      if (key !== SIGNED_IN) return
      forgetPages(client)
      void client.resetQueries({ queryKey: sessionKey })
    }
    addEventListener('storage', follow)
    return () => removeEventListener('storage', follow)
  }, [client])
}

/** Pages of one session are not those of another. */
export function sessionName({ account, livemode, role, key }: Session): string {
  return JSON.stringify([account, livemode, role, key.last_four])
}

/** Nothing that one session saw is there for the next. */
function forgetPages(client: QueryClient): void {
  client.removeQueries({ predicate: ({ queryKey }) => queryKey[0] !== sessionKey[0] })
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
