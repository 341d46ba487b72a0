/** A question about usage that was not answered. */
import { FailureNotice } from '../failure-notice.js'
import { usePageTexts } from '../language.js'
import { Failure } from '../service-client.js'
import { asOfTexts } from './as-of-texts.js'

export function UsageFailure({ error, onRetry }: { readonly error: unknown; readonly onRetry: () => void }) {
  const texts = usePageTexts(asOfTexts)
  if (!(error instanceof Failure && error.param === 'as_of_position')) {
    return <FailureNotice error={error} onRetry={onRetry} />
  }
  return (
    <p className="notice notice-bad" role="alert">
      {texts.noPosition}
    </p>
  )
}
