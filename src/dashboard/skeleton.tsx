/** Lines where something is being loaded, about as many as will stand there; said in words to whoever does not see them. */
import { useTexts } from './language.js'

export function Skeleton({ lines = 3 }: { readonly lines?: number }) {
  const texts = useTexts()
  return (
    <div className="skeleton" role="status" aria-label={texts.loading}>
      {Array.from({ length: lines }, (_, line) => (
        <div key={line} className="skeleton-line" />
      ))}
    </div>
  )
}
