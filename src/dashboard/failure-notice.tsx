/** What went wrong, in words that say what to do, with a way to try again where that may help. */
import { Button } from 'react-aria-components'
import { usageRefusalCodes } from '../domain/errors.js'
import type { Texts } from './english.js'
import { useTexts } from './language.js'
import { Failure } from './service-client.js'

export function FailureNotice({ error, onRetry }: { readonly error: unknown; readonly onRetry?: () => void }) {
  const texts = useTexts()
  const requestId = error instanceof Failure ? error.requestId : null
  return (
    <div className="notice notice-bad" role="alert">
      <p>
        <strong>{texts.failed}</strong>
      </p>
      <p>{failureText(texts, error)}</p>
      {requestId !== null && <p className="quiet">{texts.requestId(requestId)}</p>}
      {onRetry && (
        <Button className="button" onPress={onRetry}>
          {texts.retry}
        </Button>
      )}
    </div>
  )
}

export function failureText(texts: Texts, error: unknown): string {
  if (!(error instanceof Failure)) return error instanceof Error ? error.message : String(error)
  if (error.status === 0) return texts.unreachable
  return refusalText(texts, error.code, error.message)
}

export function refusalText(texts: Texts, code: string | null, message: string): string {
  const known: Readonly<Record<string, string | undefined>> = texts.refusals
  return (code !== null && Object.hasOwn(known, code) ? known[code] : undefined) ?? message
}

/** Of an event as a whole. What is said of one parameter where that one stands would leave out here which one it is. */
export function eventRefusalText(texts: Texts, code: string, message: string): string {
  const isOfEvent = (usageRefusalCodes as readonly string[]).includes(code)
  return isOfEvent ? refusalText(texts, code, message) : message
}
