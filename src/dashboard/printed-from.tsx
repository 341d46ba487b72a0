/** At the end of every printed page: whose it is, when it was printed, and the address at which it is found again. */
import { useEffect, useState } from 'react'
import { flushSync } from 'react-dom'
import { usePageTexts, useTexts } from './language.js'
import { loadingTexts } from './loading-texts.js'
import { useSession } from './session.js'
import { utcSecond } from './utc.js'

export function PrintedFrom() {
  const texts = useTexts()
  const pageTexts = usePageTexts(loadingTexts)
  const { account, livemode } = useSession()
  const [printed, setPrinted] = useState(() => ({ at: Date.now(), address: location.href }))
  useEffect(() => {
    const note = (): void => flushSync(() => setPrinted({ at: Date.now(), address: location.href }))
    addEventListener('beforeprint', note)
    return () => removeEventListener('beforeprint', note)
  }, [])
  return (
    <footer className="print-only printed-from">
      <p>
        {texts.ledgerOf(account)} ({livemode ? texts.live : texts.test}) · {pageTexts.printedAt(utcSecond(printed.at))}
      </p>
      <p>{printed.address}</p>
    </footer>
  )
}
