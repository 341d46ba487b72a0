/** The digest of exactly the records a statement is made of, and how someone else comes to the same. */
import { keepPreviousData, useQuery } from '@tanstack/react-query'
import { FailureNotice } from '../failure-notice.js'
import { useNumberFormat, usePageTexts } from '../language.js'
import { get, type Query } from '../service-client.js'
import { useSession } from '../session.js'
import { Skeleton } from '../skeleton.js'
import { Snippet } from '../snippet.js'
import type { Interval } from '../usage/period.js'
import type { AsOf, Digest } from '../usage/usage-answers.js'
import { customerTexts } from './texts.js'

interface Props {
  readonly customer: string
  readonly interval: Interval
  readonly asOf: AsOf
  /** Of the statement; null where nothing was ever recorded. */
  readonly position: string | null
  /** How many of the records are neither cancelled nor overwritten. */
  readonly effective: number
}

export function DigestOfCustomer({ customer, interval, asOf, position, effective }: Props) {
  const pageTexts = usePageTexts(customerTexts)
  const { account, livemode } = useSession()
  const number = useNumberFormat()
  const moment: Query =
    asOf !== null ? { as_of: Math.floor(asOf / 1000) } : position === null ? {} : { as_of_position: position }
  const asked = {
    customer,
    'timestamp[gte]': interval.start / 1000,
    'timestamp[lt]': interval.end / 1000,
    ...moment,
  }
  const digest = useQuery({
    queryKey: ['usage', 'digest', asked],
    queryFn: ({ signal }) => get<Digest>('/meterbook/v1/digest', asked, signal),
    placeholderData: keepPreviousData,
  })
  return (
    <section className="panel digest" aria-labelledby="digest">
      <h2 id="digest">{pageTexts.digest}</h2>
      <p>{pageTexts.digestIntro}</p>
      {digest.isError && <FailureNotice error={digest.error} onRetry={() => void digest.refetch()} />}
      {digest.isPending && !digest.isError && <Skeleton />}
      {digest.data && (
        <>
          <p>
            <code className="digest-value">{digest.data.digest}</code>
          </p>
          <p className="quiet">
            {pageTexts.digestOf(digest.data.records, effective, String(digest.data.sequence), number)}
          </p>
          <div className="no-print">
            <p>{pageTexts.check}</p>
            <Snippet
              label={pageTexts.checkCommand}
              text={[
                `node dist/cli/main.js digest --account ${account} --mode ${livemode ? 'live' : 'test'} \\`,
                `  --customer ${quoted(customer)} \\`,
                `  --from ${new Date(interval.start).toISOString()} --to ${new Date(interval.end).toISOString()} \\`,
                `  --sequence ${digest.data.sequence}`,
              ].join('\n')}
            />
          </div>
        </>
      )}
    </section>
  )
}

/** One word of a shell, whatever is in it. */
function quoted(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`
}
