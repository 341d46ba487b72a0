/** Beside the form of a new meter: what it would count, of samples as one types, or of what was recorded. */
import { useState } from 'react'
import { Tab, TabList, TabPanel, Tabs } from 'react-aria-components'
import { useTexts } from './language.js'
import type { MeterForm } from './meter-form.js'
import { RecordedPreview } from './recorded-preview.js'
import { SamplePreview } from './sample-preview.js'
import { firstSamples } from './sample-events.js'

export function PreviewPane({ form, now }: { readonly form: MeterForm; readonly now: number }) {
  const texts = useTexts()
  // Kept here, so that changing tabs loses nothing.
  const [samples, setSamples] = useState(() => firstSamples(now))
  return (
    <section className="panel preview" aria-labelledby="preview-heading">
      <h2 id="preview-heading">{texts.preview}</h2>
      <Tabs>
        <TabList className="tabs" aria-labelledby="preview-heading">
          <Tab className="tab" id="samples">
            {texts.samples}
          </Tab>
          <Tab className="tab" id="recorded">
            {texts.recorded}
          </Tab>
        </TabList>
        <TabPanel id="samples">
          <SamplePreview form={form} now={now} samples={samples} onChange={setSamples} />
        </TabPanel>
        <TabPanel id="recorded">
          <RecordedPreview form={form} now={now} />
        </TabPanel>
      </Tabs>
    </section>
  )
}
