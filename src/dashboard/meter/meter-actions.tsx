/** What may still be done to a meter: another name, and whether it takes events. Nothing else of it can change. */
import { useState } from 'react'
import { Input, Label, TextField } from 'react-aria-components'
import { ActionDialog } from '../action-dialog.js'
import type { Meter } from '../answers.js'
import { usePageTexts, useTexts } from '../language.js'
import { newIdempotencyKey, postForm, type Parameters } from '../service-client.js'
import { meterTexts } from './texts.js'

export function MeterActions({ meter }: { readonly meter: Meter }) {
  return (
    <div className="buttons">
      <Rename meter={meter} />
      <ChangeStatus meter={meter} />
    </div>
  )
}

function Rename({ meter }: { readonly meter: Meter }) {
  const texts = useTexts()
  const pageTexts = usePageTexts(meterTexts)
  const [name, setName] = useState(meter.display_name)
  return (
    <ActionDialog
      label={pageTexts.rename}
      title={pageTexts.renameTitle}
      action={pageTexts.save}
      onOpen={() => setName(meter.display_name)}
      run={() => change(meter, '', { display_name: name })}
      changes={['meters']}
    >
      <p>{pageTexts.renameHint}</p>
      <TextField className="field" value={name} onChange={setName} autoFocus>
        <Label>{texts.meterName}</Label>
        <Input spellCheck="false" autoComplete="off" />
      </TextField>
    </ActionDialog>
  )
}

function ChangeStatus({ meter }: { readonly meter: Meter }) {
  const pageTexts = usePageTexts(meterTexts)
  // As it was when the dialog opened: what someone is about to confirm does not turn into its opposite under their hands.
  const [asked, setAsked] = useState(meter)
  const isActive = asked.status === 'active'
  const name = asked.display_name
  return (
    <ActionDialog
      label={meter.status === 'active' ? pageTexts.deactivate : pageTexts.reactivate}
      title={isActive ? pageTexts.deactivateTitle(name) : pageTexts.reactivateTitle(name)}
      action={isActive ? pageTexts.deactivate : pageTexts.reactivate}
      isDangerous={isActive}
      onOpen={() => setAsked(meter)}
      run={() => change(meter, isActive ? '/deactivate' : '/reactivate', {})}
      changes={['meters']}
    >
      <ul>
        {(isActive ? pageTexts.deactivateMeans : pageTexts.reactivateMeans)(meter.event_name).map((sentence) => (
          <li key={sentence}>{sentence}</li>
        ))}
      </ul>
    </ActionDialog>
  )
}

/** Done twice it is the same as once, so each attempt has a key of its own. */
function change(meter: Meter, path: string, parameters: Parameters): Promise<Meter> {
  return postForm(`/v1/billing/meters/${encodeURIComponent(meter.id)}${path}`, parameters, newIdempotencyKey())
}
