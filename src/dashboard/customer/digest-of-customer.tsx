/** The digest of exactly the records a statement is made of, and how someone else comes to the same. */
import { useNumberFormat, usePageTexts } from '../language.js'
import { useSession } from '../session.js'
import { Skeleton } from '../skeleton.js'
import { Snippet } from '../snippet.js'
import type { Interval } from '../usage/period.js'
import type { Digest } from '../usage/usage-answers.js'
import { customerTexts } from './texts.js'

interface Props {
  readonly customer: string
  readonly interval: Interval
  /** null: not yet there. */
  readonly digest: Digest | null
  /** How many of the records are neither cancelled nor overwritten. */
  readonly effective: number
}

export function DigestOfCustomer({ customer, interval, digest, effective }: Props) {
  const pageTexts = usePageTexts(customerTexts)
  const { account, livemode } = useSession()
  const number = useNumberFormat()
  return (
    <section className="panel digest" aria-labelledby="digest">
      <h2 id="digest">{pageTexts.digest}</h2>
      <p>{pageTexts.digestIntro}</p>
      {digest === null ? (
        <Skeleton />
      ) : (
        <>
          <p>
            <code className="digest-value">{digest.digest}</code>
          </p>
          <p className="quiet">{pageTexts.digestOf(digest.records, effective, String(digest.sequence), number)}</p>
          <p>{pageTexts.check}</p>
          <Snippet
            label={pageTexts.checkCommand}
            text={[
              `node dist/cli/main.js digest --account ${account} --mode ${livemode ? 'live' : 'test'} \\`,
              `  --customer ${quoted(customer)} \\`,
              `  --from ${new Date(interval.start).toISOString()} --to ${new Date(interval.end).toISOString()} \\`,
              `  --sequence ${digest.sequence}`,
            ].join('\n')}
          />
        </>
      )}
    </section>
  )
}

/** One word of a shell, whatever is in it. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}
