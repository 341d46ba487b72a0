/**
 * A component whose code is loaded when it is first shown. As React's `lazy`, but shown as soon as it is there: what was
 * suspended React holds back for 300 ms, and a page, its tab and its chart would wait for that one after the other.
 *
 * Code that cannot be had leaves a notice in its place, and is asked for until it comes.
 */
import { useEffect, useState, type ComponentType, type ReactNode } from 'react'
import { MissingCode } from './missing-code.js'
import { Skeleton } from './skeleton.js'

export function loadedLater<Props extends object>(
  load: () => Promise<ComponentType<Props>>,
  meanwhile: ReactNode = <Skeleton lines={4} />,
): ComponentType<Props> {
  let loaded: ComponentType<Props> | null = null
  return function LoadedLater(props) {
    const [Shown, setShown] = useState(() => loaded)
    const [isMissing, setMissing] = useState(false)
    const [failure, setFailure] = useState<Error | null>(null)
    const attempt = async (): Promise<TypeError | null> => {
      try {
        const component = (loaded ??= await load())
        setShown(() => component)
      } catch (error) {
        // So browsers say that a file did not come. Anything else is a mistake in the code.
        if (error instanceof TypeError) {
          setMissing(true)
          return error
        }
        setFailure(error instanceof Error ? error : new Error(String(error)))
      }
      return null
    }
    useEffect(() => {
      if (!loaded) void attempt()
    }, [])
    if (failure) throw failure
    if (Shown) return <Shown {...props} />
    return isMissing ? <MissingCode onRetry={attempt} /> : meanwhile
  }
}
