/** Signing in, or the page the address names. */
import { useQuery } from '@tanstack/react-query'
import { Boundary } from './boundary.js'
import { CreateMeterPage } from './create-meter-page.js'
import { FailureNotice } from './failure-notice.js'
import { useTexts } from './language.js'
import { loadedLater } from './loaded-later.js'
import { MetersPage } from './meters-page.js'
import { PageHeading, useFocusOnArrival } from './page-heading.js'
import { paths, useAddress, useRoute } from './route.js'
import { askForSession, sessionKey, sessionName, SignedIn, useSessionOfAllWindows } from './session.js'
import { Shell } from './shell.js'
import { SignInPage } from './sign-in-page.js'

const MeterPage = loadedLater(async () => (await import('./meter/meter-page.js')).MeterPage)
const CustomerPage = loadedLater(async () => (await import('./customer/customer-page.js')).CustomerPage)
const RejectionsPage = loadedLater(async () => (await import('./rejections/rejections-page.js')).RejectionsPage)
const SystemPage = loadedLater(async () => (await import('./system/system-page.js')).SystemPage)

/** No address: those are empty or begin with `#`. */
const SIGN_IN = 'sign in'

export function App() {
  const texts = useTexts()
  useSessionOfAllWindows()
  const session = useQuery({
    queryKey: sessionKey,
    queryFn: ({ client, signal }) => askForSession(client, signal),
  })
  const address = useAddress()
  useFocusOnArrival(session.data === undefined ? null : session.data === null ? SIGN_IN : address)
  if (session.data) {
    return (
      <SignedIn key={sessionName(session.data)} value={session.data}>
        <Shell>
          <Boundary place={address}>
            <Page />
          </Boundary>
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
      return <RejectionsPage identifier={route.identifier ?? ''} />
    case 'system':
      return <SystemPage />
    case 'customer':
      return <CustomerPage key={route.customer} customer={route.customer} />
    case 'unknown':
      return (
        <>
          <PageHeading title={texts.unknownPage} />
          <a href={paths.meters}>{texts.backToMeters}</a>
        </>
      )
  }
}
