/** What a mirror's address has to be. */
export const MIRROR_MUST_BE =
  'must be the http or https address of a Debian mirror, like http://mirror.example.org/debian'

/** Is this the address of a mirror? */
export const isMirror = (text: string): boolean =>
  URL.canParse(text) && ['http:', 'https:'].includes(new URL(text).protocol)

/**
 * The mirror's address of a file of Debian's archive; undefined for any other address. As in the archive, security updates
 * are beside `debian`.
 */
export function inMirror(mirror: string, asked: string): URL | undefined {
  const [, archive, rest] = /\/(debian|debian-security)\/((?:dists|pool)\/.*)$/.exec(new URL(asked).pathname) ?? []
  if (archive === undefined || rest === undefined) return undefined
  const address = new URL(mirror)
  const segments = address.pathname.split('/').filter((segment) => segment !== '')
  const own = segments.lastIndexOf('debian')
  if (archive === 'debian-security') {
    if (own < 0) return undefined
    segments[own] = archive
  }
  address.pathname = [...segments, rest].join('/')
  return address
}

/** For mmdebstrap with a mirror: a dated snapshot of the archive says itself that it is out of date, and that is accepted. */
export const MIRROR_APT_OPTION = '--aptopt=Acquire::Check-Valid-Until "false"'
