/** The frame of every page: which ledger this is, in colour and in words, and the way out. */
import { useMutation, useQueryClient } from '@tanstack/react-query'
import type { ReactNode } from 'react'
import { Button } from 'react-aria-components'
import { FailureNotice } from './failure-notice.js'
import { useLanguageSwitch, useTexts } from './language.js'
import { useLive } from './live.js'
import { CONTENT_ID } from './page-heading.js'
import { PrintedFrom } from './printed-from.js'
import { paths, useRoute, type Route } from './route.js'
import { remove } from './service-client.js'
import { changeSession, useMayChange, useSession } from './session.js'

export function Shell({ children }: { readonly children: ReactNode }) {
  const texts = useTexts()
  const { account, key, livemode } = useSession()
  const mayChange = useMayChange()
  const client = useQueryClient()
  const signOut = useMutation({
    mutationFn: () => remove('/meterbook/v1/session'),
    onSuccess: () => changeSession(client, null),
  })
  return (
    <>
      <a
        className="skip"
        href={`#${CONTENT_ID}`}
        onClick={(event) => {
          event.preventDefault()
          document.getElementById(CONTENT_ID)?.focus()
        }}
      >
        {texts.skipToContent}
      </a>
      <header className={livemode ? 'bar bar-live' : 'bar bar-test'}>
        <Navigation />
        <div className="bar-who">
          <strong className={livemode ? 'mode mode-live' : 'mode mode-test'}>
            {livemode ? texts.live : texts.test}
          </strong>
          <span>{texts.ledgerOf(account)}</span>
          <span title={key.name}>{texts.keyEnding(key.last_four)}</span>
          {!mayChange && <span title={texts.readOnlyHint}>{texts.readOnly}</span>}
          <LiveMark />
          <LanguageButton />
          <Button className="button button-quiet" isDisabled={signOut.isPending} onPress={() => signOut.mutate()}>
            {texts.signOut}
          </Button>
        </div>
      </header>
      <main id={CONTENT_ID} className="content" tabIndex={-1}>
        {signOut.isError && <FailureNotice error={signOut.error} onRetry={() => signOut.mutate()} />}
        {children}
      </main>
      <PrintedFrom />
    </>
  )
}

type Section = 'meters' | 'rejections' | 'system'

/** Which entry a page is under; null: none. */
const sections: Readonly<Record<Route['page'], Section | null>> = {
  meters: 'meters',
  create: 'meters',
  meter: 'meters',
  customer: null,
  rejections: 'rejections',
  system: 'system',
  unknown: null,
}

function Navigation() {
  const texts = useTexts()
  const { page } = useRoute()
  const current = sections[page]
  return (
    <nav className="navigation" aria-label={texts.navigation}>
      <a className="brand" href={paths.meters}>
        Meterbook
      </a>
      <ul>
        {(['meters', 'rejections', 'system'] as const).map((section) => (
          <li key={section}>
            <a
              href={paths[section]}
              {...(section === current ? { 'aria-current': section === page ? 'page' : 'true' } : {})}
            >
              {texts[section]}
            </a>
          </li>
        ))}
      </ul>
    </nav>
  )
}

function LiveMark() {
  const texts = useTexts()
  const state = useLive()
  return (
    <span className={`live live-${state}`} role="status" title={texts.liveHint}>
      {texts.liveStates[state]}
    </span>
  )
}

export function LanguageButton() {
  const texts = useTexts()
  const switchLanguage = useLanguageSwitch()
  return (
    <Button className="button button-quiet" onPress={switchLanguage}>
      {texts.otherLanguage}
    </Button>
  )
}
