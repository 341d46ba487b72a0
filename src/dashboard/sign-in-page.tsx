import { useQueryClient } from '@tanstack/react-query'
import { useState } from 'react'
import { Button, FieldError, Form, Input, Label, Text, TextField } from 'react-aria-components'
import type { Session } from './answers.js'
import { failureText } from './failure-notice.js'
import { useTexts } from './language.js'
import { PageHeading } from './page-heading.js'
import { LanguageButton } from './shell.js'
import { postJson } from './service-client.js'
import { changeSession, isSessionOver } from './session.js'

export function SignInPage() {
  const texts = useTexts()
  const client = useQueryClient()
  const [isOver] = useState(isSessionOver)
  const [key, setKey] = useState('')
  const [problem, setProblem] = useState<unknown>(null)
  const [isSending, setSending] = useState(false)
  const signIn = async (): Promise<void> => {
    if (key.trim() === '') return setProblem(new Error(texts.apiKeyMissing))
    setSending(true)
    setProblem(null)
    try {
      changeSession(client, await postJson<Session>('/meterbook/v1/session', { api_key: key.trim() }))
    } catch (error) {
      setProblem(error)
      setSending(false)
    }
  }
  return (
    <main className="sign-in">
      <header className="sign-in-head">
        <span className="brand">Meterbook</span>
        <LanguageButton />
      </header>
      <PageHeading title={texts.signIn} />
      {isOver && (
        <p className="notice" role="alert">
          {texts.sessionOver}
        </p>
      )}
      <p className="quiet">{texts.signInIntro}</p>
      <Form
        className="stack"
        validationBehavior="aria"
        onSubmit={(event) => {
          event.preventDefault()
          void signIn()
        }}
      >
        <TextField
          className="field"
          type="password"
          autoComplete="current-password"
          value={key}
          onChange={setKey}
          isInvalid={problem !== null}
          autoFocus
        >
          <Label>{texts.apiKey}</Label>
          <Input spellCheck="false" />
          <Text slot="description" className="hint">
            {texts.apiKeyHint}
          </Text>
          <FieldError className="field-error">{problem === null ? null : failureText(texts, problem)}</FieldError>
        </TextField>
        <Button type="submit" className="button button-main" isDisabled={isSending}>
          {texts.signIn}
        </Button>
      </Form>
      <details className="help">
        <summary>{texts.whereIsMyKey}</summary>
        <p>{texts.keyHelp}</p>
        <pre tabIndex={0}>node dist/cli/main.js keys create</pre>
      </details>
    </main>
  )
}
