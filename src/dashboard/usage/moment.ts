/** The moment whose knowledge is shown, and how it is chosen: what is moved on the way to it is not asked for. */
import { useEffect, useState } from 'react'
import type { AsOf } from './usage-answers.js'

/** From the last movement until it is asked for. */
const SETTLED_MS = 150

export interface Moment {
  /** To be asked for. */
  readonly asOf: AsOf
  /** As the fields have it. */
  readonly chosen: AsOf
  /** What is asked for is what is chosen. */
  readonly isSettled: boolean
  readonly choose: (asOf: AsOf) => void
}

export function useMoment(): Moment {
  const [asOf, setAsOf] = useState<AsOf>(null)
  const [chosen, choose] = useState<AsOf>(null)
  useEffect(() => {
    const settled = setTimeout(() => setAsOf(chosen), SETTLED_MS)
    return () => clearTimeout(settled)
  }, [chosen])
  return { asOf, chosen, isSettled: asOf === chosen, choose }
}
