import { z } from 'zod'
import { defineExercise, holdsVotes, isPair, takesVotes } from '../../scripts/lab/exercise/face.ts'

const BEFORE = { zoe: 'Otters' }
const ON_THE_OLD = { ann: 'Otters', bob: 'Otters', dan: 'Badgers' }
const ON_THE_NEW = { bob: 'Badgers', cid: 'Badgers' }
const TOLD = 'the vote of everybody who voted on either side, by the rule of the house'
/** Everybody's vote once; of who voted on both sides, the one that the results page has shown. */
const REPAIRED = { ...BEFORE, ...ON_THE_OLD, ...ON_THE_NEW }

export const exercise = defineExercise({
  minutes: 25,
  notes: z.object({ poll: z.string() }),
  async setup(stage) {
    const poll = await stage.createPoll('The name of the team?', ['Otters', 'Badgers'])
    await stage.voteEverywhere(poll, BEFORE)
    await stage.fault('isolate', 'db-replica', 'db-primary')
    await stage.castOn('db-primary', poll, ON_THE_OLD)
    await stage.change('db-replica', 'select pg_promote()')
    await stage.castOn('db-replica', poll, ON_THE_NEW)
    await stage.heal('isolate')
    // It would believe for some seconds more that its standby is there.
    await stage.change('db-primary', 'select pg_terminate_backend(pid) from pg_stat_replication')
    await stage.until('db-primary to have no standby', async () => {
      const standbys = await stage.ask('db-primary', 'select count(*) from pg_stat_replication')
      return standbys === '0' ? { done: undefined } : { seen: `${standbys} of them` }
    })
    return { poll }
  },
  given: (_, { poll }) => [`the poll "The name of the team?"  ${poll}`],
  check: (stage, { poll }) =>
    Promise.all([
      isPair(stage),
      holdsVotes(stage, 'db-replica', poll, REPAIRED, { told: TOLD }),
      holdsVotes(stage, 'db-primary', poll, REPAIRED, { told: TOLD }),
      takesVotes(stage, 'primary', 'backup'),
    ]),
  hints: () => [
    'Which of the two is the newer one? status shows their timelines. Which one do the servers write to?',
    'Compare the table vote on both. Who is only on the old one, who only on the new one, who on both, and differently?',
    'zx scripts/rejoin.ts makes the old one a standby. It lists what only that one had, keeps it in a file, and drops it.',
    'Votes that were listed can be cast again, through the service; whoever has a vote on the new one keeps that.',
  ],
  solution: (stage, { poll }) => [
    { does: 'Two primaries, on two timelines', command: stage.type.verb('status'), looks: true },
    ...(['db-primary', 'db-replica'] as const).map((node) => ({
      does: `Votes on ${node}`,
      command: stage.type.psql(
        node,
        `select user_id, options[option] from vote join poll on id = poll_id where id = '${poll}' order by 1`,
      ),
    })),
    {
      does: 'Keep the newer one; the other becomes its standby, and tells what only it had',
      command: stage.type.verb('rejoin'),
    },
    ...Object.entries(ON_THE_OLD)
      .filter(([user]) => !(user in ON_THE_NEW))
      .map(([user, option]) => ({
        does: `Cast the vote of ${user} again`,
        command: stage.type.verb('poll', 'vote', poll, option, '--user', user),
      })),
  ],
  tempting: (stage) => [
    {
      does: 'bringing the old one back, and leaving it at that',
      misses: 'db-replica holds the vote of everybody',
      steps: [{ does: 'rejoin', command: stage.type.verb('rejoin') }],
    },
  ],
})
