/**
 * JSON as the service wrote it. A number with more digits than a double holds (`12345678901234567890`), or beyond all of them
 * (`1e400`), stays as it was written where the browser knows how to keep it: of an event that was refused it may be what was wrong.
 */
interface Written {
  /** The number as it stands in the text. */
  readonly source?: string
}

/** Newer than the types of the language. Undefined in browsers that round such numbers. */
const { rawJSON: kept } = JSON as { readonly rawJSON?: (text: string) => unknown }

/** @throws SyntaxError */
export function parseExactly(text: string): unknown {
  if (!kept) return JSON.parse(text)
  return JSON.parse(text, (_key, value: unknown, written?: Written) =>
    typeof value === 'number' && written?.source !== undefined && String(value) !== written.source
      ? kept(written.source)
      : value,
  )
}
