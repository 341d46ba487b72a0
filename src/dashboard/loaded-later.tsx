/**
 * A component whose code is loaded when it is first shown. As React's `lazy`, but shown as soon as it is there: what was
 * suspended React holds back for 300 ms, and a page, its tab and its chart would wait for that one after the other.
 */
import { useEffect, useState, type ComponentType, type ReactNode } from 'react'
import { Skeleton } from './skeleton.js'

export function loadedLater<Props extends object>(
  load: () => Promise<ComponentType<Props>>,
  meanwhile: ReactNode = <Skeleton lines={4} />,
): ComponentType<Props> {
  let loaded: ComponentType<Props> | null = null
  return function LoadedLater(props) {
    const [Shown, setShown] = useState(() => loaded)
    const [failure, setFailure] = useState<Error | null>(null)
    useEffect(() => {
      if (loaded) return
      load().then(
        (component) => {
          loaded = component
          setShown(() => component)
        },
        (error: unknown) => setFailure(error instanceof Error ? error : new Error(String(error))),
      )
    }, [])
    if (failure) throw failure
    return Shown ? <Shown {...props} /> : meanwhile
  }
}
