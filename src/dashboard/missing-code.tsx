/**
 * In place of code that the service did not send: because it cannot be reached, or because it has become another version
 * and no longer has the files of this one. Looks after the service by itself, and says which of the two it is.
 *
 * Some browsers, Firefox for one, never ask again for a file that failed once, as long as the page lives. There the page is
 * reloaded once the service has the file again, unless that would lose something.
 */
import { useQueryClient } from '@tanstack/react-query'
import { useEffect, useEffectEvent, useState } from 'react'
import { Button } from 'react-aria-components'
import { useTexts, usePageTexts } from './language.js'
import { loadingTexts } from './loading-texts.js'
import { addressOf } from './service-address.js'
import { hasUnsaved } from './unsaved.js'

const LOOK_INTERVAL_MS = 2_000
/** In the session storage: when a page of this window last was, or would have been, reloaded by itself. */
const RELOADED = 'meterbook-reloaded'
/** Longer than browsers keep back the looks of a page that is out of sight. */
const RELOAD_INTERVAL_MS = 300_000

type Standing = 'unreachable' | 'replaced' | 'incomplete' | 'refused'

interface Props {
  /** null: it came, or it is another mistake. */
  readonly onRetry: () => Promise<TypeError | null>
}

export function MissingCode({ onRetry }: Props) {
  const client = useQueryClient()
  const texts = useTexts()
  const pageTexts = usePageTexts(loadingTexts)
  const [standing, setStanding] = useState<Standing>('unreachable')
  const look = useEffectEvent(async (): Promise<void> => {
    const found = await standingOfService()
    const error = found === 'incomplete' ? await onRetry() : null
    if (error === null || !(await isSent(error))) return setStanding(found)
    const isBusy = hasUnsaved() || client.isMutating() > 0
    if (!isBusy && mayReload()) location.reload()
    else setStanding('refused')
  })
  useEffect(() => {
    let isGone = false
    let next: ReturnType<typeof setTimeout> | undefined
    const follow = async (): Promise<void> => {
      await look()
      if (!isGone) next = setTimeout(() => void follow(), LOOK_INTERVAL_MS)
    }
    void follow()
    return () => {
      isGone = true
      clearTimeout(next)
    }
  }, [])
  return (
    <div className="notice notice-bad" role="alert">
      <p>
        <strong>{pageTexts.missing}</strong>
      </p>
      <p>{pageTexts[standing]}</p>
      {/* While the service is away, a page that is reloaded would be gone. */}
      {standing === 'unreachable' ? (
        <Button className="button" onPress={() => void onRetry()}>
          {texts.retry}
        </Button>
      ) : (
        <Button className="button" onPress={() => location.reload()}>
          {pageTexts.reload}
        </Button>
      )}
    </div>
  )
}

/** `incomplete`: it is there, in the version of this page. */
async function standingOfService(): Promise<'unreachable' | 'replaced' | 'incomplete'> {
  try {
    const page = await fetch(addressOf('/'), { cache: 'no-store' })
    if (!page.ok) return 'unreachable'
    const entry = document.querySelector('script[type=module][src]')?.getAttribute('src') ?? ''
    return (await page.text()).includes(`"${entry}"`) ? 'incomplete' : 'replaced'
  } catch {
    return 'unreachable'
  }
}

/** Whether the service has the file that the browser says it could not load. Safari does not say which it was. */
async function isSent({ message }: TypeError): Promise<boolean> {
  const [file] = /https?:\S+/.exec(message) ?? []
  if (file === undefined) return true
  try {
    const { ok, headers } = await fetch(file, { cache: 'no-store' })
    return ok && /javascript/.test(headers.get('content-type') ?? '')
  } catch {
    return false
  }
}

/** Once: not again for as long as a reload has not helped. */
function mayReload(): boolean {
  const last = Number(sessionStorage.getItem(RELOADED))
  const now = Date.now()
  sessionStorage.setItem(RELOADED, String(now))
  return now - last > RELOAD_INTERVAL_MS
}
