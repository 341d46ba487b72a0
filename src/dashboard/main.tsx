import { MutationCache, QueryCache, QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { App } from './app.js'
import { Boundary } from './boundary.js'
import { LanguageProvider } from './language.js'
import { Failure } from './service-client.js'
import { endsSession, sessionKey } from './session.js'
import { followTyping } from './unsaved.js'
import './print.css'

const RETRIES_MAX = 2

function followSession(error: unknown): void {
  if (endsSession(error)) void client.invalidateQueries({ queryKey: sessionKey })
}

const client = new QueryClient({
  queryCache: new QueryCache({ onError: followSession }),
  mutationCache: new MutationCache({ onError: followSession }),
  defaultOptions: {
    // The service may well be on this machine: whether there is a network says nothing.
    mutations: { networkMode: 'always' },
    queries: {
      networkMode: 'always',
      // But when there is one again, what failed without it is asked again.
      refetchOnReconnect: true,
      // A refusal is the same again; only what passes by itself is tried once more unasked.
      retry: (failures, error) =>
        failures < RETRIES_MAX && error instanceof Failure && (error.status === 0 || error.status === 503),
    },
  },
})

followTyping()

const root = document.getElementById('root')
if (!root) throw new Error('The page has no root.')
createRoot(root).render(
  <StrictMode>
    <LanguageProvider>
      <QueryClientProvider client={client}>
        <Boundary place="">
          <App />
        </Boundary>
      </QueryClientProvider>
    </LanguageProvider>
  </StrictMode>,
)
