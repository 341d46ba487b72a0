/** A count, as the page formats it, with its English noun. */
export function counted(count: string, noun: string): string {
  return `${count} ${count === '1' ? noun : `${noun}s`}`
}
