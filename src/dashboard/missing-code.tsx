/**
 * In place of code that the service did not send: because it cannot be reached, or because it has become another version
 * and no longer has the files of this one. Looks after the service by itself, and says which of the two it is.
 */
import { useEffect, useEffectEvent, useState } from 'react'
import { Button } from 'react-aria-components'
import { useTexts, usePageTexts } from './language.js'
import { loadingTexts } from './loading-texts.js'

const LOOK_INTERVAL_MS = 2_000

type Standing = 'unreachable' | 'replaced' | 'incomplete'

export function MissingCode({ onRetry }: { readonly onRetry: () => Promise<void> }) {
  const texts = useTexts()
  const pageTexts = usePageTexts(loadingTexts)
  const [standing, setStanding] = useState<Standing>('unreachable')
  const look = useEffectEvent(async (): Promise<void> => {
    const found = await standingOfService()
    if (found === 'incomplete') await onRetry()
    setStanding(found)
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
async function standingOfService(): Promise<Standing> {
  try {
    const page = await fetch('/', { cache: 'no-store' })
    if (!page.ok) return 'unreachable'
    const entry = document.querySelector('script[type=module][src]')?.getAttribute('src') ?? ''
    return (await page.text()).includes(`"${entry}"`) ? 'incomplete' : 'replaced'
  } catch {
    return 'unreachable'
  }
}
