/** Text to take along, with a button that copies it. */
import { useState } from 'react'
import { Button } from 'react-aria-components'
import { useTexts } from './language.js'
import './snippet.css'

/** How long the button says what it did. */
const SAID_MS = 2_000

interface Props {
  /** What it is, for people who do not see it. */
  readonly label: string
  readonly text: string
}

export function Snippet({ label, text }: Props) {
  const texts = useTexts()
  const [block, setBlock] = useState<HTMLPreElement | null>(null)
  const [said, setSaid] = useState<string | null>(null)
  const copy = async (): Promise<void> => {
    const isCopied = await writeToClipboard(text)
    if (!isCopied && block) getSelection()?.selectAllChildren(block)
    setSaid(isCopied ? texts.copied : texts.selected)
    setTimeout(() => setSaid(null), SAID_MS)
  }
  return (
    <div className="snippet">
      <pre ref={setBlock} tabIndex={0} role="region" aria-label={label}>
        {text}
      </pre>
      <Button className="button button-copy" aria-label={texts.copyOf(label)} onPress={() => void copy()}>
        {texts.copy}
      </Button>
      <span className="snippet-said" role="status">
        {said}
      </span>
    </div>
  )
}

/** Browsers let pages that came over plain http from another host write nothing there. */
async function writeToClipboard(text: string): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    return false
  }
}
