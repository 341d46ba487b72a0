/** Keeps a failure while rendering to the part of the page it is in: no page ever goes white. */
import { useQueryClient } from '@tanstack/react-query'
import { Component, useEffect, type ReactNode } from 'react'
import { Button } from 'react-aria-components'
import { usePageTexts, useTexts } from './language.js'
import { loadingTexts } from './loading-texts.js'

interface Props {
  /** Somewhere else it is tried anew. */
  readonly place: string
  readonly children: ReactNode
}

interface State {
  readonly failure: { readonly error: unknown } | null
}

export class Boundary extends Component<Props, State> {
  override state: State = { failure: null }

  static getDerivedStateFromError(error: unknown): State {
    return { failure: { error } }
  }

  override componentDidUpdate({ place }: Props): void {
    if (this.state.failure && place !== this.props.place) this.setState({ failure: null })
  }

  override render(): ReactNode {
    const { failure } = this.state
    if (!failure) return this.props.children
    return <Broken error={failure.error} onRetry={() => this.setState({ failure: null })} />
  }
}

function Broken({ error, onRetry }: { readonly error: unknown; readonly onRetry: () => void }) {
  const texts = useTexts()
  const pageTexts = usePageTexts(loadingTexts)
  const client = useQueryClient()
  // It may have failed on an answer: that one is not shown a second time.
  useEffect(() => client.removeQueries({ type: 'inactive' }), [client])
  return (
    <div className="notice notice-bad" role="alert">
      <p>
        <strong>{pageTexts.broken}</strong>
      </p>
      <p>{pageTexts.brokenHint}</p>
      <p>
        <code>{String(error)}</code>
      </p>
      <div className="buttons">
        <Button className="button" onPress={onRetry}>
          {texts.retry}
        </Button>
        <Button className="button" onPress={() => location.reload()}>
          {pageTexts.reload}
        </Button>
      </div>
    </div>
  )
}
