/** The head of a meter's page: its name, its status and all of its settings. */
import type { Meter } from '../answers.js'
import { usePageTexts, useTexts } from '../language.js'
import { PageHeading } from '../page-heading.js'
import { paths } from '../route.js'
import { useMayChange } from '../session.js'
import { utcMinute } from '../utc.js'
import { MeterActions } from './meter-actions.js'
import { meterTexts } from './texts.js'

export function MeterHead({ meter }: { readonly meter: Meter }) {
  const texts = useTexts()
  const mayChange = useMayChange()
  return (
    <>
      <p className="breadcrumb">
        <a href={paths.meters}>{texts.meters}</a>
      </p>
      <div className="page-head">
        <PageHeading title={meter.display_name}>
          {meter.display_name} <span className={`tag tag-${meter.status}`}>{texts[meter.status]}</span>
        </PageHeading>
        {mayChange && <MeterActions meter={meter} />}
      </div>
      <MeterFacts meter={meter} />
    </>
  )
}

function MeterFacts({ meter }: { readonly meter: Meter }) {
  const texts = useTexts()
  const pageTexts = usePageTexts(meterTexts)
  const formula = meter.default_aggregation.formula
  const dimensions = meter.dimension_payload_keys ?? []
  return (
    <dl className="facts">
      <div>
        <dt>{texts.eventName}</dt>
        <dd>
          <code>{meter.event_name}</code>
        </dd>
      </div>
      <div>
        <dt>{texts.aggregation}</dt>
        <dd>{texts.formulas[formula]}</dd>
      </div>
      <div>
        <dt>{texts.ingestion}</dt>
        <dd>{texts.ingestions[meter.event_time_window ?? 'raw']}</dd>
      </div>
      {formula !== 'count' && (
        <div>
          <dt>{texts.valueKey}</dt>
          <dd>
            <code>{meter.value_settings.event_payload_key}</code>
          </dd>
        </div>
      )}
      <div>
        <dt>{texts.customerKey}</dt>
        <dd>
          <code>{meter.customer_mapping.event_payload_key}</code>
        </dd>
      </div>
      <div>
        <dt>{texts.dimensions}</dt>
        <dd>
          {dimensions.length === 0 ? <span className="quiet">{pageTexts.none}</span> : <Keys keys={dimensions} />}
        </dd>
      </div>
      <div>
        <dt>{texts.columnCreated}</dt>
        <dd>{utcMinute(meter.created * 1000)}</dd>
      </div>
      <div className="fact-wide">
        <dt>{pageTexts.id}</dt>
        <dd>
          <code>{meter.id}</code>
        </dd>
      </div>
    </dl>
  )
}

function Keys({ keys }: { readonly keys: readonly string[] }) {
  return (
    <ul className="keys">
      {keys.map((key) => (
        <li key={key}>
          <code>{key}</code>
        </li>
      ))}
    </ul>
  )
}
