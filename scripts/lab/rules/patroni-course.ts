/** How Patroni replaced a primary, by its logs. Times are milliseconds since the epoch; null if no line shows them. */
export type Course = {
  readonly leaseEnded: number | null
  readonly leaseWon: number | null
  readonly promotedAt: number | null
}

/** Lines of Patroni 4, and of PostgreSQL. Both begin with the time, in UTC. */
const RENEWED = /I am \(\S+\), the leader with the lock/
const WON = /promoted self to leader by acquiring session lock/
const PROMOTED = /archive recovery complete|database system is ready to accept connections/

/**
 * Reads the course in the logs of the old and the new primary. A lease ends when it was not renewed for `ttl` seconds. The
 * old primary says so each time that it has renewed it.
 */
export function courseIn(before: string, after: string, ttl: number): Course {
  const renewed = before.split('\n').findLast((line) => RENEWED.test(line))
  const lines = after.split('\n')
  const won = lines.findLastIndex((line) => WON.test(line))
  const promoted = won < 0 ? undefined : lines.slice(won).find((line) => PROMOTED.test(line))
  const lastRenewal = timeOf(renewed)
  return {
    leaseEnded: lastRenewal === null ? null : lastRenewal + ttl * 1000,
    leaseWon: timeOf(lines[won]),
    promotedAt: timeOf(promoted),
  }
}

function timeOf(line: string | undefined): number | null {
  const [, day, time, ms] = /^(\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d)[.,](\d{3})/.exec(line ?? '') ?? []
  return day === undefined ? null : Date.parse(`${day}T${time}.${ms}Z`)
}
