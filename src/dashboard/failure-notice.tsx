/** What went wrong, in words that say what to do, with a way to try again where that may help. */
import { Button } from 'react-aria-components'
import { usageRefusalCodes } from '../domain/errors.js'
import type { Texts } from './english.js'
import { useTexts } from './language.js'
import type { Problem } from './meter-form.js'
import { Failure } from './service-client.js'

export function FailureNotice({ error, onRetry }: { readonly error: unknown; readonly onRetry?: () => void }) {
  const texts = useTexts()
  const requestId = error instanceof Failure ? error.requestId : null
  const said = ownWords(error)
  return (
    <div className="notice notice-bad" role="alert">
      <p>
        <strong>{texts.failed}</strong>
      </p>
      <p>{failureText(texts, error)}</p>
      {said !== null && (
        <p className="quiet" lang="en">
          {said}
        </p>
      )}
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
  const { status, code, param, message, retryAfter } = error
  if (status === 0) return texts.unreachable
  if (!error.isOfService) return texts.answeredByAnother(status)
  if (isPassing(error)) return status === 429 ? texts.tooMuch(retryAfter) : texts.unavailable(retryAfter)
  if (status >= 500) return texts.broken
  return refusalText(texts, code, message, param)
}

/** Of a failure that is none of what was asked for: what it is called in the log of the service. */
function ownWords(error: unknown): string | null {
  if (!(error instanceof Failure) || !error.isOfService) return null
  return isPassing(error) || error.status >= 500 ? error.message : null
}

function isPassing({ status }: Failure): boolean {
  return status === 429 || status === 503
}

export function refusalText(texts: Texts, code: string | null, message: string, param: string | null = null): string {
  return own(texts.refusalsOf, `${code} ${param}`) ?? own(texts.refusals, code ?? '') ?? message
}

function own(known: Readonly<Record<string, string | undefined>>, name: string): string | undefined {
  return Object.hasOwn(known, name) ? known[name] : undefined
}

export function problemText(texts: Texts, { code, message, param }: Problem): string {
  return refusalText(texts, code, message, param)
}

/** Of an event as a whole. What is said of one parameter where that one stands would leave out here which one it is. */
export function eventRefusalText(texts: Texts, code: string, message: string): string {
  const isOfEvent = (usageRefusalCodes as readonly string[]).includes(code)
  return isOfEvent ? refusalText(texts, code, message) : message
}
