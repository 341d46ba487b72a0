/** Usage of each customer: the total, and by hour or day. */
import { useTexts } from './language.js'
import { ofNumbers, ScrolledTable } from './scrolled-table.js'
import { utcDay, utcMinute } from './utc.js'

interface Props {
  /** Exact decimal texts; `start` in milliseconds since the epoch. */
  readonly customers: readonly {
    readonly customer: string
    readonly value: string
    readonly windows: readonly { readonly start: number; readonly value: string }[]
  }[]
  readonly window: 'hour' | 'day'
  readonly onWindow: (window: 'hour' | 'day') => void
}

export function Totals({ customers, window, onWindow }: Props) {
  const texts = useTexts()
  return (
    <section className="totals">
      <div className="totals-head">
        <h3>{texts.totals}</h3>
        <label>
          {texts.byWindow}{' '}
          <select value={window} onChange={({ target }) => onWindow(target.value === 'hour' ? 'hour' : 'day')}>
            <option value="hour">{texts.windows.hour}</option>
            <option value="day">{texts.windows.day}</option>
          </select>
        </label>
      </div>
      {customers.length === 0 ? (
        <p>{texts.noUsage}</p>
      ) : (
        <ScrolledTable label={texts.totals} columns={[texts.customer, texts.window, ofNumbers(texts.value)]} isLive>
          {customers.map(({ customer, value, windows }) => (
            <tbody key={customer}>
              <tr className="total-row">
                <th scope="row">{customer}</th>
                <td>{texts.total}</td>
                <td className="number" data-total-of={customer}>
                  {value}
                </td>
              </tr>
              {windows.map((each) => (
                <tr key={each.start}>
                  <td></td>
                  <td className="instant">{window === 'day' ? utcDay(each.start) : utcMinute(each.start)}</td>
                  <td className="number">{each.value}</td>
                </tr>
              ))}
            </tbody>
          ))}
        </ScrolledTable>
      )}
    </section>
  )
}
