/**
 * One spelling for every URL, before anything looks at it: what is decided by a path (the route, the key it needs, the body
 * it takes, the envelope of a refusal) must not depend on how the same path was written.
 *
 * Absolute URLs, as clients send them to a proxy, lose scheme and host; letters, digits and `-._~` lose needless percent
 * escapes (RFC 3986 §6.2.2.2). Nothing else is touched, so an escaped slash stays part of a name, `..` leads nowhere, and what is no
 * escape (`%2%35`) does not become one.
 */
const ORIGIN = /^https?:\/\/[^/?#]*/i
const NEEDLESS_ESCAPE = /(?<!%[\da-f]?)%(?:2[de]|3\d|[46][1-9a-f]|[57][\da]|5f|7e)/gi

export function plainUrl(url: string): string {
  if (url.startsWith('/') && !url.includes('%')) return url
  const target = url.replace(ORIGIN, '')
  const question = target.indexOf('?')
  const path = question === -1 ? target : target.slice(0, question)
  const plain = path.replace(NEEDLESS_ESCAPE, (escape) => String.fromCharCode(parseInt(escape.slice(1), 16)))
  const rooted = plain === '' ? '/' : plain
  return question === -1 ? rooted : rooted + target.slice(question)
}
