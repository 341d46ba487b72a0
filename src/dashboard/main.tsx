import { QueryCache, QueryClient, QueryClientProvider } from '@tanstack/react-query'
import { StrictMode } from 'react'
import { createRoot } from 'react-dom/client'
import { App } from './app.js'
import { LanguageProvider } from './language.js'
import { Failure } from './service-client.js'
import { sessionKey } from './session.js'

const RETRIES_MAX = 2

const client = new QueryClient({
  queryCache: new QueryCache({
    onError: (error, { queryKey }) => {
      if (error instanceof Failure && error.status === 401 && queryKey[0] !== sessionKey[0]) {
        void client.invalidateQueries({ queryKey: sessionKey })
      }
    },
  }),
  defaultOptions: {
    // The service may well be on this machine: whether there is a network says nothing.
    mutations: { networkMode: 'always' },
    queries: {
      networkMode: 'always',
      // A refusal is the same again; only what passes by itself is tried once more unasked.
      retry: (failures, error) =>
        failures < RETRIES_MAX && error instanceof Failure && (error.status === 0 || error.status === 503),
    },
  },
})

const root = document.getElementById('root')
if (!root) throw new Error('The page has no root.')
createRoot(root).render(
  <StrictMode>
    <LanguageProvider>
      <QueryClientProvider client={client}>
        <App />
      </QueryClientProvider>
    </LanguageProvider>
  </StrictMode>,
)
