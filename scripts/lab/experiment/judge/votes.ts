import type { Call, Found, Judgement, StoredVote } from '../record.ts'

/** The findings about votes: what is stored, compared with what their callers were told. */
export type VoteFindings = Pick<Judgement, 'acknowledged' | 'lost' | 'duplicates' | 'phantoms'> & {
  /** Stored votes that a server does not count. */
  readonly uncounted: readonly string[]
}

type Vote = Pick<StoredVote, 'poll' | 'user' | 'option'>

/** Compares the stored votes and the results with the answers that callers got. */
export function judgeVotes(calls: readonly Call[], stored: readonly StoredVote[], found: Found): VoteFindings {
  const votes = calls.flatMap((call) =>
    call.kind === 'vote' && call.user !== null && call.option !== null
      ? [{ ...call, user: call.user, option: call.option }]
      : [],
  )
  const there = new Set(stored.map(keyOf))
  const told = votes.filter(toldStored)
  const possible = new Set(votes.filter((vote) => toldStored(vote) || vote.outcome === 'indefinite').map(keyOf))
  const miscounts = miscountsOf(stored, found)
  return {
    acknowledged: votes.filter(({ outcome }) => outcome === 'ok').length,
    lost: told
      .filter((vote) => !there.has(keyOf(vote)))
      .map(({ poll, user, option, end }) => ({ poll, user, option, at: end })),
    duplicates: [...usersStoredTwice(stored), ...miscounts.filter(({ excess }) => excess > 0).map(({ said }) => said)],
    phantoms: stored.filter((vote) => !possible.has(keyOf(vote))).map(({ user }) => user),
    uncounted: miscounts.filter(({ excess }) => excess < 0).map(({ said }) => said),
  }
}

/** Whether the caller was told that the vote is stored. A duplicate means that an earlier attempt was stored. */
const toldStored = ({ outcome, answer }: Call): boolean => outcome === 'ok' || answer === 'duplicate_vote'

const keyOf = ({ poll, user, option }: Vote): string => JSON.stringify([poll, user, option])

function usersStoredTwice(stored: readonly StoredVote[]): readonly string[] {
  const seen = new Set<string>()
  return stored.flatMap(({ poll, user }) => {
    const key = JSON.stringify([poll, user])
    const again = seen.has(key)
    seen.add(key)
    return again ? [user] : []
  })
}

/** The differences between a server's results and the stored votes. */
function miscountsOf(stored: readonly StoredVote[], { counted }: Found) {
  const votes = new Map<string, number>()
  for (const { poll, option } of stored) {
    const key = JSON.stringify([poll, option])
    votes.set(key, (votes.get(key) ?? 0) + 1)
  }
  return counted.flatMap(({ server, poll, votes: results }) =>
    Object.entries(results).flatMap(([option, count]) => {
      const held = votes.get(JSON.stringify([poll, option])) ?? 0
      const said = `${server} counts ${count} votes for ${option} in poll ${poll}, but ${held} are stored`
      return count === held ? [] : [{ excess: count - held, said }]
    }),
  )
}
