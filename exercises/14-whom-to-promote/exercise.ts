import { z } from 'zod'
import {
  cannotComeBack,
  defineExercise,
  type Finding,
  finding,
  isGroup,
  type Stage,
  takesVotes,
  votesInWords,
} from '../../scripts/lab/exercise/face.ts'
import { untilAlone } from '../a-primary-dies.ts'

const OPTIONS = ['Pool', 'Library']
/** Votes that reach all standbys; then those that the first one misses; then those that only the last one gets. */
const ON_ALL = { ann: 'Pool', bob: 'Library' }
const ON_TWO = { cid: 'Library', dora: 'Pool' }
const ON_ONE = { emil: 'Library' }
const ACKNOWLEDGED = { ...ON_ALL, ...ON_TWO, ...ON_ONE }
const STANDBYS = ['db-replica', 'db-replica-2', 'db-replica-3'] as const
const [FIRST, SECOND, LAST] = STANDBYS

export const exercise = defineExercise({
  minutes: 25,
  standbys: 3,
  /** `diedAt`: when the primary had died, an ISO date. */
  notes: z.object({ poll: z.string(), diedAt: z.string() }),
  async setup(stage) {
    const poll = await stage.createPoll('What shall we build?', OPTIONS)
    await stage.setLevel('on', { kind: 'any', count: 1 })
    await stage.voteEverywhere(poll, ON_ALL)
    await stage.fault('isolate', FIRST, { peers: ['db-primary'] })
    await stage.vote(poll, ON_TWO)
    await until(stage, SECOND, poll, ON_TWO)
    await stage.fault('isolate', SECOND, { peers: ['db-primary'] })
    await stage.vote(poll, ON_ONE)
    await stage.fault('freeze', LAST)
    await stage.fault('crash', 'db-primary')
    const diedAt = new Date().toISOString()
    await stage.heal('isolate')
    for (const node of [FIRST, SECOND]) await untilAlone(stage, node)
    return { poll, diedAt }
  },
  given: (_, { poll }) => [
    `the poll "What shall we build?"  ${poll}`,
    `the clients' own record of votes that were acknowledged: ${votesInWords(ACKNOWLEDGED)}`,
  ],
  check: (stage, { poll, diedAt }) =>
    Promise.all([
      staysDark(stage, diedAt),
      hasAll(stage, poll, diedAt),
      isGroup(stage, ...STANDBYS),
      cannotComeBack(stage, 'db-primary'),
      takesVotes(stage, 'primary', 'backup'),
    ]),
  hints: ({ type }) => [
    'Compare the record with the table vote on each standby that answers. Does any of them have all five votes?',
    'zx scripts/failover.ts refuses to promote one of the two, and says how many have to answer. Why so many? And who is silent?',
    `The silent one has power, but it hangs: zx scripts/status.ts shows it. Bring back that one (${type.docker('unpause', LAST)} wakes it), and not db-primary.`,
    `zx scripts/fault.ts heal ${LAST}, then zx scripts/failover.ts`,
  ],
  solution: (stage, { poll }) => [
    { does: 'See who answers', command: stage.type.verb('status'), looks: true },
    ...[FIRST, SECOND].map((node) => ({
      does: `Who has a vote on ${node}?`,
      command: stage.type.psql(node, `select user_id from vote where poll_id = '${poll}' order by 1`),
    })),
    {
      does: 'See whom the lab has to hear before it promotes one of them',
      command: stage.type.verb('failover'),
      looks: true,
    },
    { does: 'Bring the silent standby back', command: stage.type.verb('fault', 'heal', LAST) },
    {
      does: 'Fence the old primary, promote the standby that has most, point the others at it',
      command: stage.type.verb('failover'),
    },
  ],
  tempting: (stage) => {
    const force = { does: 'by force', command: stage.type.verb('failover', '--force') }
    const wake = { does: 'wake it', command: stage.type.docker('unpause', LAST) }
    const power = [
      { does: 'start', command: stage.type.docker('start', 'db-primary') },
      {
        does: 'wait',
        command: `for n in {1..100}; do ${stage.type.docker('exec', 'db-primary')} pg_isready -q && break; sleep 0.2; done`,
      },
    ]
    return [
      {
        does: 'promoting the one that has most of those that answer',
        misses: 'the primary has every vote that was acknowledged',
        steps: [force],
      },
      {
        does: 'promoting by force, and bringing all others back, which throws away what only one of them has',
        misses: 'the primary has every vote that was acknowledged',
        final: true,
        steps: [force, wake, { does: 'rejoin', command: stage.type.verb('rejoin') }],
      },
      {
        does: 'starting the machine that has no power',
        misses: 'db-primary has been dark',
        final: true,
        steps: power,
      },
      {
        does: 'promoting the right one by hand, and fencing nothing',
        misses: 'db-primary cannot become a second primary',
        steps: [wake, { does: 'promote', command: stage.type.psql(LAST, 'select pg_promote()') }],
      },
      {
        does: 'promoting the first one by force',
        misses: 'the primary has every vote that was acknowledged',
        thorough: true,
        steps: [{ does: 'the first', command: stage.type.verb('failover', '--to', FIRST, '--force') }],
      },
      {
        does: 'promoting the wrong one, and casting the lost vote again',
        misses: 'the primary has every vote that was acknowledged',
        thorough: true,
        steps: [
          force,
          ...Object.entries(ON_ONE).map(([user, option]) => ({
            does: 'again',
            command: `${stage.type.verb('poll', 'vote')} $(${stage.type.psql(SECOND, 'select id from poll')}) ${option} --user ${user}`,
          })),
        ],
      },
      {
        does: 'healing every fault, also that of the machine that has no power',
        misses: 'db-primary has been dark',
        final: true,
        thorough: true,
        steps: [{ does: 'heal', command: stage.type.verb('fault', 'heal') }],
      },
      {
        does: 'starting that machine until all votes have arrived, and failing over then',
        misses: 'db-primary has been dark',
        final: true,
        thorough: true,
        steps: [
          ...power,
          wake,
          { does: 'kill', command: stage.type.docker('kill', 'db-primary') },
          { does: 'fail over', command: stage.type.verb('failover') },
        ],
      },
      {
        does: 'resetting the lab',
        misses: 'the primary has every vote that was acknowledged',
        final: true,
        thorough: true,
        steps: [{ does: 'reset', command: stage.type.verb('reset') }],
      },
    ]
  },
  also: (stage) => {
    const wake = { does: 'wake it', command: stage.type.docker('unpause', LAST) }
    return [
      {
        does: 'waking it, and naming it',
        steps: [wake, { does: 'promote it', command: stage.type.verb('failover', '--to', LAST) }],
      },
      {
        does: 'restarting it, and bringing the old primary back as a standby afterwards',
        thorough: true,
        steps: [
          { does: 'kill', command: stage.type.docker('kill', LAST) },
          { does: 'start', command: stage.type.docker('start', LAST) },
          { does: 'promote it', command: stage.type.verb('failover', '--to', LAST) },
          { does: 'rejoin', command: stage.type.verb('rejoin') },
        ],
      },
    ]
  },
})

const until = (stage: Stage, node: (typeof STANDBYS)[number], poll: string, votes: Readonly<Record<string, string>>) =>
  stage.until(`these votes on ${node}`, async () => {
    const held = await stage.votesOn(node, poll)
    const missing = Object.keys(votes).filter((user) => held[user] === undefined)
    return missing.length === 0 ? { done: undefined } : { seen: `the votes of ${missing.join(', ')} are missing` }
  })

/** The primary has them from before: a vote that somebody casts again is younger. */
const hasAll = (stage: Stage, poll: string, diedAt: string): Promise<Finding> =>
  finding(
    'the primary has every vote that was acknowledged, as it was cast then',
    "the clients' record, compared with the table vote on each database",
    async () => {
      const { primaries, nodes } = await stage.status()
      const [primary] = primaries
      const missingOn = async (node: NonNullable<typeof primary>): Promise<number> => {
        const rows = await stage.ask(
          node,
          `select user_id || ' ' || options[option] from vote join poll on id = poll_id where id = '${poll}' and cast_at < '${diedAt}'`,
        )
        const held = rows.split('\n')
        return Object.entries(ACKNOWLEDGED).filter(([user, option]) => !held.includes(`${user} ${option}`)).length
      }
      const answers = nodes.some(({ name, database }) => name === LAST && database !== null)
      const lost = answers && (await missingOn(LAST)) > 0
      if (primary === undefined) return { ok: false, seen: 'no database is a primary', final: lost }
      const missing = await missingOn(primary)
      const seen = missing === 0 ? 'none is missing' : `${missing === 1 ? '1 is' : `${missing} are`} missing`
      return { ok: missing === 0, seen, final: lost }
    },
  )

/** The machine has no power, so nobody can start its database as what it was. */
const staysDark = (stage: Stage, diedAt: string): Promise<Finding> =>
  finding(
    'db-primary has been dark since it died, as in the story',
    stage.type.docker('logs', 'db-primary'),
    async () => {
      const ran = (await stage.log('db-primary', diedAt)).includes('database system is ready to accept connections')
      return { ok: !ran, seen: ran ? 'it ran as a primary again' : 'it has', final: ran }
    },
  )
