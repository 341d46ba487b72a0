/** The moment whose knowledge is shown, as the address has it, and how it is chosen. */
import { useEffect, useEffectEvent, useMemo, useState } from 'react'
import type { Meter } from '../answers.js'
import { changeQuery, useAddressQuery } from '../route.js'
import { asOfAddress, readAsOf } from './address.js'
import type { AsOf } from './usage-answers.js'

/** From the last movement until it is asked for: what is moved over on the way is not. */
const SETTLED_MS = 150

export interface Moment {
  /** To be asked for. */
  readonly asOf: AsOf
  /** As the fields have it. */
  readonly chosen: AsOf
  /** What is asked for is what is chosen. */
  readonly isSettled: boolean
  /** Of several on the way only the last is asked for. */
  readonly choose: (asOf: AsOf) => void
  /** Also whoever leaves the field by a link takes it along. */
  readonly chooseAtOnce: (asOf: AsOf) => void
}

/** A meter that had not been created when a second began was unknown then. */
export function firstMomentOf({ created }: Meter): number {
  return (created + 1) * 1000
}

export function useMoment(): Moment {
  const query = useAddressQuery()
  const asOf = useMemo(() => readAsOf(query), [query])
  const [moved, setMoved] = useState<{ readonly to: AsOf } | null>(null)
  const ask = (to: AsOf): void => {
    changeQuery(asOfAddress(to), asOf === null || to === null ? 'step' : 'small change')
    setMoved(null)
  }
  const settle = useEffectEvent(ask)
  useEffect(() => {
    if (!moved) return
    const settled = setTimeout(() => settle(moved.to), SETTLED_MS)
    return () => clearTimeout(settled)
  }, [moved])
  return {
    asOf,
    chosen: moved ? moved.to : asOf,
    isSettled: moved === null,
    choose: (to) => setMoved({ to }),
    chooseAtOnce: ask,
  }
}
