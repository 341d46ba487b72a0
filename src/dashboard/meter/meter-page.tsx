/** One meter: what it is, in the head, and under it the tab that the address names. */
import { useQuery } from '@tanstack/react-query'
import type { Meter } from '../answers.js'
import { FailureNotice } from '../failure-notice.js'
import { usePageTexts, useTexts } from '../language.js'
import { meterKey } from '../meters.js'
import { PageHeading } from '../page-heading.js'
import { meterTabs, paths, useAddressQuery, type MeterTab } from '../route.js'
import { Failure, get } from '../service-client.js'
import { MeterHead } from './meter-head.js'
import './meter.css'
import { tabPages } from './tabs.js'
import { meterTexts } from './texts.js'
import { Skeleton } from '../skeleton.js'
import { carriedQuery } from '../usage/address.js'

export function MeterPage({ meterId, tab }: { readonly meterId: string; readonly tab: MeterTab }) {
  const meter = useQuery({
    queryKey: meterKey(meterId),
    queryFn: ({ signal }) => get<Meter>(`/v1/billing/meters/${encodeURIComponent(meterId)}`, {}, signal),
  })
  if (meter.data) return <KnownMeter meter={meter.data} tab={tab} />
  if (!meter.isError) return <Skeleton lines={4} />
  if (meter.error instanceof Failure && meter.error.status === 404) return <NoSuchMeter />
  return <FailureNotice error={meter.error} onRetry={() => void meter.refetch()} />
}

function KnownMeter({ meter, tab }: { readonly meter: Meter; readonly tab: MeterTab }) {
  const pageTexts = usePageTexts(meterTexts)
  const same = carriedQuery(useAddressQuery())
  const shownTabs = meterTabs.filter((each) => tabPages[each])
  const shown = tabPages[tab] ? tab : shownTabs[0]
  const TabPage = shown && tabPages[shown]
  return (
    <>
      <MeterHead meter={meter} />
      <nav className="tabs" aria-label={pageTexts.tabsOf(meter.display_name)}>
        {shownTabs.map((each) => (
          <a
            key={each}
            className="tab"
            href={paths.meter(meter.id, each, same)}
            {...(each === shown ? { 'aria-current': 'page' } : {})}
          >
            {pageTexts.tabs[each]}
          </a>
        ))}
      </nav>
      {TabPage && <TabPage meter={meter} />}
    </>
  )
}

function NoSuchMeter() {
  const texts = useTexts()
  const pageTexts = usePageTexts(meterTexts)
  return (
    <>
      <PageHeading title={pageTexts.noSuchMeter} />
      <p>{pageTexts.noSuchMeterHint}</p>
      <a href={paths.meters}>{texts.backToMeters}</a>
    </>
  )
}
