import { z } from 'zod'
import { defineExercise, finding, isPrimary, isStandby, takesVotes } from '../../scripts/lab/exercise/face.ts'

const OPTIONS = ['Sea', 'Hills']

export const exercise = defineExercise({
  minutes: 15,
  notes: z.object({ poll: z.string(), since: z.string() }),
  async setup(stage) {
    const since = new Date().toISOString()
    const poll = await stage.createPoll('The summer outing?', OPTIONS)
    await stage.traffic.start(poll, OPTIONS)
    return { poll, since }
  },
  given: (_, { poll }) => [
    `the poll "The summer outing?"  ${poll}`,
    'guests vote in it through the balancer some fifty times a second, for the next 30 minutes',
  ],
  async check(stage, { poll, since }) {
    const record = `the record of the guests, ${stage.traffic.file}`
    // First what was told, then what is there: a vote that is told of meanwhile is no concern of this check.
    const calls = await stage.traffic.calls()
    const acknowledged = calls.filter(({ outcome }) => outcome === 'ok')
    const timelines = new Set(acknowledged.map(({ token }) => Number.parseInt(token ?? '', 10)))
    return Promise.all([
      isPrimary(stage, 'db-replica'),
      isStandby(stage, 'db-primary'),
      finding('db-primary was shut down in order, not killed', stage.type.docker('logs', 'db-primary'), async () => {
        // How it first went down; what came after that is another story.
        const log = await stage.log('db-primary', since)
        const end = /database system is shut down|was interrupted|not properly shut down/.exec(log)?.[0]
        const inOrder = end === 'database system is shut down'
        const killed = 'it was killed, and that cannot be undone: start the exercise again'
        return { ok: inOrder, seen: end === undefined ? 'it has not been shut down' : inOrder ? 'in order' : killed }
      }),
      finding('guests voted before the change and after it', record, async () => {
        const seen = `${acknowledged.length} votes acknowledged, on ${timelines.size === 1 ? 'one timeline' : `${timelines.size} timelines`}`
        return { ok: timelines.has(1) && timelines.has(2), seen }
      }),
      finding('no guest saw an error', record, async () => {
        const errors = calls.filter(({ outcome }) => outcome !== 'ok').map(({ answer }) => answer)
        return { ok: errors.length === 0, seen: errors.length === 0 ? 'none' : `${errors.length}: ${errors[0]}` }
      }),
      finding('every vote that was acknowledged is there', `${record}, and the table vote`, async () => {
        const held = await stage.votesOn('db-replica', poll)
        const lost = acknowledged.filter(({ user, option }) => user !== null && held[user] !== option)
        return { ok: lost.length === 0, seen: lost.length === 0 ? 'none is missing' : `${lost.length} are missing` }
      }),
      takesVotes(stage, 'primary', 'backup'),
    ])
  },
  hints: () => [
    'Nobody is dead here: both can help. In which order do you stop writes, catch up and promote?',
    'docs/failover.md has a table of four verbs. Which one cannot lose a vote?',
    'zx scripts/switchover.ts',
  ],
  solution: (stage) => [
    { does: 'Swap the two in order, while the guests vote', command: stage.type.verb('switchover') },
    { does: 'See the roles', command: stage.type.verb('status'), looks: true },
  ],
  tempting: (stage) => [
    {
      does: 'failing over, and bringing the old one back',
      misses: 'shut down in order',
      steps: [
        { does: 'fail over', command: stage.type.verb('failover', '--force') },
        { does: 'rejoin', command: stage.type.verb('rejoin') },
      ],
    },
  ],
})
