/**
 * Where the service is: in the folder of the page, which a proxy may have put under a path of its own. Paths begin with a slash
 * all the same, as the service has them.
 */
export function addressOf(path: string): string {
  return new URL(`.${path}`, document.baseURI).href
}

/** As programs take it: without a slash at its end. */
export function serviceAddress(): string {
  return addressOf('/').slice(0, -1)
}
