/** Instants, in milliseconds since the epoch, as the dashboard writes them: always UTC. */
export function utcMinute(instant: number): string {
  return utcField(instant).slice(0, 16).replace('T', ' ')
}

export function utcSecond(instant: number): string {
  return utcField(instant).replace('T', ' ')
}

export function utcDay(instant: number): string {
  return utcField(instant).slice(0, 10)
}

/** As an input of type `datetime-local` holds it, to the second. */
export function utcField(instant: number): string {
  return new Date(instant).toISOString().slice(0, 19)
}

/** null for what is no date. */
export function fromUtcField(text: string): number | null {
  const instant = Date.parse(`${text}Z`)
  return Number.isNaN(instant) ? null : instant
}
