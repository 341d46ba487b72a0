/** Signing in, or the page the address names. */
import { useQuery } from '@tanstack/react-query'
import type { Session } from './answers.js'
import { CreateMeterPage } from './create-meter-page.js'
import { FailureNotice } from './failure-notice.js'
import { useTexts } from './language.js'
import { loadedLater } from './loaded-later.js'
import { MetersPage } from './meters-page.js'
import { paths, useRoute } from './route.js'
import { Failure, get } from './service-client.js'
import { sessionKey, SignedIn } from './session.js'
import { Shell } from './shell.js'
import { SignInPage } from './sign-in-page.js'

const MeterPage = loadedLater(async () => (await import('./meter/meter-page.js')).MeterPage)
const CustomerPage = loadedLater(async () => (await import('./customer/customer-page.js')).CustomerPage)
const RejectionsPage = loadedLater(async () => (await import('./rejections/rejections-page.js')).RejectionsPage)
const SystemPage = loadedLater(async () => (await import('./system/system-page.js')).SystemPage)

export function App() {
  const texts = useTexts()
  const session = useQuery({
    queryKey: sessionKey,
    queryFn: ({ signal }) =>
      get<Session>('/meterbook/v1/session', {}, signal).catch((error: unknown) => {
        if (error instanceof Failure && error.status === 401) return null
        throw error
      }),
  })
  if (session.data) {
    return (
      <SignedIn value={session.data}>
        <Shell>
          <Page />
        </Shell>
      </SignedIn>
    )
  }
  if (session.isError) {
    return (
      <main className="sign-in">
        <FailureNotice error={session.error} onRetry={() => void session.refetch()} />
      </main>
    )
  }
  if (session.isPending) return <main className="sign-in">{texts.loading}</main>
  return <SignInPage />
}

function Page() {
  const texts = useTexts()
  const route = useRoute()
  switch (route.page) {
    case 'meters':
      return <MetersPage />
    case 'create':
      return <CreateMeterPage />
    case 'meter':
      return <MeterPage key={route.meterId} meterId={route.meterId} tab={route.tab} />
    case 'rejections':
      return <RejectionsPage />
    case 'system':
      return <SystemPage />
    case 'customer':
      return <CustomerPage key={route.customer} customer={route.customer} />
    case 'unknown':
      return (
        <>
          <h1>{texts.unknownPage}</h1>
          <a href={paths.meters}>{texts.backToMeters}</a>
        </>
      )
  }
}
