/**
 * RFC 3339 instants, as v2 writes them. Any offset is read, UTC is written.
 *
 * Digits finer than a millisecond are cut off, not refused: Go and Python clients send micro- and nanoseconds by default, and
 * cutting towards the past maps the same text to the same instant each time, so a retry is still recognised.
 */
const RFC_3339 = /^(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:\.(\d{1,9}))?(?:[Zz]|([+-])(\d\d):(\d\d))$/

/** Milliseconds since the epoch, or null if the text is no instant. A leap second (`:60`) has none. */
export function parseTimestamp(text: string): number | null {
  const match = RFC_3339.exec(text)
  if (!match) return null
  const [year = 0, month = 0, day = 0, hour = 0, minute = 0, second = 0] = match.slice(1, 7).map(Number)
  const offsetHours = Number(match[9] ?? 0)
  const offsetMinutes = Number(match[10] ?? 0)
  if (hour > 23 || minute > 59 || second > 59 || offsetHours > 23 || offsetMinutes > 59) return null
  const midnight = new Date(Date.UTC(year, month - 1, day))
  // `Date` carries 30 February over into March; a real date comes back as it went in.
  const isReal =
    midnight.getUTCFullYear() === year && midnight.getUTCMonth() === month - 1 && midnight.getUTCDate() === day
  if (!isReal) return null
  const millisecond = Number((match[7] ?? '').slice(0, 3).padEnd(3, '0'))
  const offset = (match[8] === '-' ? -1 : 1) * (offsetHours * 60 + offsetMinutes)
  return midnight.getTime() + ((hour * 60 + minute - offset) * 60 + second) * 1000 + millisecond
}

export function formatTimestamp(instant: number): string {
  return new Date(instant).toISOString()
}
