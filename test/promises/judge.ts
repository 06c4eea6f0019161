// What must hold after any interleaving of votes, retries, closes and crashes.

/** A vote as it is sent; the same one may be sent several times. */
export type Vote = { readonly user: string; readonly option: string; readonly key: string | undefined }

/** How an attempt ended: with an answer of the contract, certainly without effect, or nobody knows. */
export type Ending = 'stored' | 'duplicate' | 'closed' | 'refused' | 'unknown'

/** One attempt; times are milliseconds of one clock. */
export type Attempt = {
  readonly vote: Vote
  readonly begun: number
  readonly ended: number
  readonly ending: Ending
}

export type Close = { readonly begun: number; readonly ended: number; readonly acknowledged: boolean }

export type History = { readonly attempts: readonly Attempt[]; readonly closes: readonly Close[] }

/** What is in the database at the end. */
export type Stored = readonly Vote[]

/** Every promise that the history broke, in words; none if all is well. */
export function brokenPromises(history: History, stored: Stored, options: readonly string[]): readonly string[] {
  return [
    ...oncePerUser(stored),
    ...acknowledgedIsStored(history, stored),
    ...storedWasAsked(history, stored),
    ...closedIsClosed(history),
    ...stored.filter(({ option }) => !options.includes(option)).map((vote) => `${said(vote)} is for no option`),
  ]
}

/** What results have to say of these votes. */
export function countOf(stored: Stored, options: readonly string[]): Readonly<Record<string, number>> {
  const count = (option: string) => stored.filter((vote) => vote.option === option).length
  return Object.fromEntries(options.map((option) => [option, count(option)]))
}

function oncePerUser(stored: Stored): readonly string[] {
  const users = stored.map(({ user }) => user)
  return users.filter((user, nth) => users.indexOf(user) !== nth).map((user) => `${user} is stored twice`)
}

function acknowledgedIsStored({ attempts }: History, stored: Stored): readonly string[] {
  return attempts.flatMap(({ vote, ending }) => {
    if (ending === 'stored' && !stored.some((it) => same(it, vote)))
      return [`${said(vote)} was acknowledged and is not stored`]
    if (ending === 'duplicate' && !stored.some(({ user }) => user === vote.user))
      return [`${said(vote)} was called a duplicate, and its user has no vote`]
    return []
  })
}

function storedWasAsked({ attempts }: History, stored: Stored): readonly string[] {
  const mayHaveStored = attempts.filter(({ ending }) => ending === 'stored' || ending === 'unknown')
  return stored
    .filter((vote) => !mayHaveStored.some((attempt) => same(attempt.vote, vote)))
    .map((vote) => `${said(vote)} is stored, and every attempt at it was answered otherwise`)
}

function closedIsClosed({ attempts, closes }: History): readonly string[] {
  const closed = Math.min(...closes.filter(({ acknowledged }) => acknowledged).map(({ ended }) => ended))
  const closing = Math.min(...closes.map(({ begun }) => begun))
  return attempts.flatMap(({ vote, begun, ended, ending }) => {
    // With its key a vote that came before the end may be asked for after it.
    const asked = vote.key !== undefined && attempts.some((it) => same(it.vote, vote) && it.begun < closed)
    if (ending === 'stored' && begun > closed && !asked) return [`${said(vote)} was stored after the poll was closed`]
    if (ending === 'closed' && ended < closing) return [`${said(vote)} found the poll closed, and nobody had closed it`]
    return []
  })
}

const same = (one: Vote, other: Vote): boolean =>
  one.user === other.user && one.option === other.option && one.key === other.key

const said = ({ user, option, key }: Vote): string => `the vote of ${user} for ${option} (${key ?? 'no key'})`
