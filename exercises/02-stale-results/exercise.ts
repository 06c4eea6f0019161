import { z } from 'zod'
import {
  answered,
  defineExercise,
  type Finding,
  finding,
  holdsVotes,
  isPrimary,
  isStandby,
  namesIn,
  type Stage,
  type Step,
} from '../../scripts/lab/exercise/face.ts'

const OPTIONS = ['Keep', 'Replace']
const EARLY = { ann: 'Keep' }
const LATE = { bob: 'Replace', cid: 'Replace', dot: 'Replace' }
const ALL = { ...EARLY, ...LATE }

export const exercise = defineExercise({
  minutes: 15,
  notes: z.object({ poll: z.string() }),
  question: 'If db-primary had burned down before your repair, whose votes would have been lost? (names, or none)',
  async setup(stage) {
    const poll = await stage.createPoll('The coffee machine?', OPTIONS)
    await stage.voteEverywhere(poll, EARLY)
    // Status names this setting, and what takes it back. So the question asks what was at stake.
    await stage.change('db-replica', "alter system set recovery_min_apply_delay = '6h'", 'select pg_reload_conf()')
    await stage.vote(poll, LATE)
    const written = await stage.ask('db-primary', 'select pg_current_wal_lsn()')
    await stage.until('the late votes at db-replica', async () => {
      const received = await stage.ask('db-replica', `select pg_last_wal_receive_lsn() >= '${written}'`)
      return received === 't' ? { done: undefined } : { seen: 'not all of them' }
    })
    return { poll }
  },
  given: (_, { poll }) => [`the poll "The coffee machine?"  ${poll}`],
  check: (stage, { poll }, answer) =>
    Promise.all([
      sameResults(stage, poll),
      showsAtOnce(stage),
      isPrimary(stage, 'db-primary'),
      isStandby(stage, 'db-replica'),
      holdsVotes(stage, 'db-primary', poll, ALL),
      answered(
        'you know whose votes would have been lost with db-primary',
        'what db-replica had received: pg_stat_replication on db-primary; start the exercise again to see it once more',
        answer,
        isNobody,
      ),
    ]),
  hints: () => [
    'Ask each server for the results, then look into each database. Which one is behind?',
    'A standby first receives WAL, then replays it. pg_stat_replication on db-primary shows both positions: sent_lsn and replay_lsn. Which of them stands still?',
    "The WAL was received, but not replayed. A setting can make a standby late on purpose: on db-replica, select name, setting, unit from pg_settings where name like 'recovery%'.",
    'alter system reset … removes a setting, and select pg_reload_conf() makes that take effect without a restart.',
  ],
  solution: (stage, { poll }) => [
    {
      does: 'See the results that db-primary has',
      command: stage.type.verb('poll', '--at', stage.type.endpoint('primary'), 'results', poll),
    },
    {
      does: 'See the results that db-replica has',
      command: stage.type.verb('poll', '--at', stage.type.endpoint('backup'), 'results', poll),
    },
    {
      does: 'What has the standby received, and what has it replayed?',
      command: stage.type.psql('db-replica', 'select pg_last_wal_receive_lsn(), pg_last_wal_replay_lsn()'),
    },
    {
      does: 'It has received more than it has replayed: does a setting make it wait?',
      command: stage.type.psql('db-replica', "select name, setting, unit from pg_settings where name like 'recovery%'"),
    },
    {
      does: 'Is there anything that db-primary has and db-replica has not received?',
      command: stage.type.psql(
        'db-primary',
        "select case when flush_lsn >= pg_current_wal_flush_lsn() then 'none' else 'perhaps some' end from pg_stat_replication",
      ),
      answers: true,
    },
    { does: 'Remove that setting, without a restart', command: RESET(stage) },
    { does: 'See both databases at the same position', command: stage.type.verb('status'), looks: true },
  ],
  tempting: (stage, { poll }) => [
    {
      does: 'the command that status prints, and no look at what was at stake',
      misses: 'whose votes would have been lost',
      steps: [{ does: 'reset', command: RESET(stage) }],
    },
    {
      does: 'taking the votes that did not show for votes that had not arrived',
      misses: 'whose votes would have been lost',
      steps: [{ does: 'reset', command: RESET(stage) }, answerOf(Object.keys(LATE).join(', '))],
    },
    {
      does: 'promoting the standby, so that both servers agree',
      misses: 'db-primary is the primary',
      steps: [{ does: 'promote', command: stage.type.psql('db-replica', 'select pg_promote()') }],
    },
    {
      does: 'a shorter wait',
      misses: 'shows on db-replica at once',
      steps: [
        {
          does: 'set',
          command: stage.type.psql(
            'db-replica',
            "alter system set recovery_min_apply_delay = '300ms'",
            'select pg_reload_conf()',
          ),
        },
      ],
    },
    {
      does: 'catching up once, and cutting the link a moment later',
      misses: 'db-replica is a standby that streams',
      steps: [
        { does: 'reset', command: RESET(stage) },
        { does: 'wait', command: 'sleep 1' },
        { does: 'cut', command: stage.type.verb('fault', 'isolate', 'db-replica', 'db-primary') },
      ],
    },
    {
      does: 'deleting the votes that do not show, so that both agree',
      misses: 'db-primary holds these votes',
      thorough: true,
      steps: [
        {
          does: 'delete',
          command: stage.type.psql(
            'db-primary',
            `delete from vote where user_id in ('${Object.keys(LATE).join("', '")}')`,
          ),
        },
      ],
    },
    {
      does: 'restarting the standby',
      misses: 'shows on db-replica at once',
      thorough: true,
      steps: [{ does: 'restart', command: stage.type.docker('restart', 'db-replica') }],
    },
    {
      does: 'removing the setting, without a reload of the configuration',
      misses: 'shows on db-replica at once',
      thorough: true,
      steps: [
        {
          does: 'reset',
          command: stage.type.psql('db-replica', 'alter system reset recovery_min_apply_delay'),
        },
      ],
    },
    {
      does: 'catching up once, and pausing replay',
      misses: 'shows on db-replica at once',
      thorough: true,
      steps: [
        { does: 'reset', command: RESET(stage) },
        { does: 'wait', command: 'sleep 2' },
        { does: 'pause', command: stage.type.verb('fault', 'replay-pause', 'db-replica') },
      ],
    },
    {
      does: 'stopping the server that shows old results',
      misses: 'every server answers',
      thorough: true,
      steps: [{ does: 'stop', command: stage.type.docker('stop', 'backup') }],
    },
    {
      does: 'swapping the roles',
      misses: 'db-primary is the primary',
      thorough: true,
      steps: [
        { does: 'reset', command: RESET(stage) },
        { does: 'swap', command: stage.type.verb('switchover') },
      ],
    },
    {
      does: 'resetting the lab',
      misses: 'db-primary holds these votes',
      final: true,
      thorough: true,
      steps: [{ does: 'reset', command: stage.type.verb('reset') }],
    },
    {
      does: 'resuming a replay that is not paused',
      misses: 'shows on db-replica at once',
      thorough: true,
      steps: [
        { does: 'resume', command: stage.type.psql('db-replica', 'select pg_wal_replay_resume()') },
        { does: 'look', command: stage.type.verb('poll', 'results', poll) },
      ],
    },
  ],
  also: (stage, { poll }) => [
    {
      does: 'a delay of 0, after a vote of somebody else, and a restart',
      steps: [
        answerOf('None of them.'),
        { does: 'see the symptom', command: stage.type.verb('poll', 'vote', poll, 'Keep', '--user', 'eve') },
        {
          does: 'set',
          command: stage.type.psql('db-replica', 'alter system set recovery_min_apply_delay = 0'),
        },
        { does: 'restart', command: stage.type.docker('restart', 'db-replica') },
        { does: 'wait', command: stage.type.verb('setup') },
      ],
    },
    {
      does: 'a new copy of the primary, in place of the data with the setting',
      thorough: true,
      steps: [
        answerOf('nobody'),
        {
          does: 'remove it, with its data',
          command: [
            `volumes=$(${stage.type.docker(`inspect -f '{{range .Mounts}}{{.Name}} {{end}}'`, 'db-replica')})`,
            stage.type.docker('rm -f', 'db-replica'),
            'docker volume rm $volumes',
          ].join(' && '),
        },
        { does: 'set up', command: stage.type.verb('setup') },
      ],
    },
    {
      does: 'swapping the roles, and swapping them back',
      thorough: true,
      steps: [
        answerOf('nobody'),
        { does: 'reset', command: RESET(stage) },
        { does: 'wait', command: 'sleep 1' },
        { does: 'swap', command: stage.type.verb('switchover') },
        { does: 'swap back', command: stage.type.verb('switchover') },
      ],
    },
    {
      does: 'taking back every setting',
      thorough: true,
      steps: [
        answerOf('nobody'),
        { does: 'reset all settings', command: stage.type.psql('db-replica', 'alter system reset all') },
        { does: 'read them', command: stage.type.psql('db-replica', 'select pg_reload_conf()') },
      ],
    },
  ],
})

const RESET = (stage: Stage): string =>
  stage.type.psql('db-replica', 'alter system reset recovery_min_apply_delay', 'select pg_reload_conf()')

const answerOf = (text: string): Step => ({ does: 'answer', command: `echo '${text}'`, answers: true })

/** What people say if they mean nobody. */
const NOBODY = 'all any be been have no nobody none not nothing one them would'.split(' ')

const isNobody = (answer: string): boolean => {
  const words = namesIn(answer, OPTIONS)
  return words.some((word) => word.startsWith('no')) && words.every((word) => NOBODY.includes(word))
}

/** Every server answers with all votes. */
const sameResults = (stage: Stage, poll: string): Promise<Finding> =>
  finding(
    'every server answers with the results of all votes',
    'zx scripts/poll.ts results, with --at for one server',
    async () => {
      const [stored, ...results] = await Promise.all([
        stage.votesOn('db-primary', poll),
        stage.results(poll, 'primary'),
        stage.results(poll, 'backup'),
      ])
      const counted = (option: string) => Object.values(stored).filter((it) => it === option).length
      const told = results.map((it) => OPTIONS.map((option) => `${option} ${it.get(option) ?? 0}`).join(', '))
      return {
        ok: results.every((it) => OPTIONS.every((option) => it.get(option) === counted(option))),
        seen: `primary: ${told[0]}; backup: ${told[1]}`,
      }
    },
  )

/** The standby shows everything, and nothing will delay what comes next. */
const showsAtOnce = (stage: Stage): Promise<Finding> =>
  finding(
    'every vote of db-primary shows on db-replica at once, and new votes will too',
    'how far each database is; whether new votes appear on db-replica, and when',
    async () => {
      const { nodes } = await stage.status()
      const lag = nodes.find(({ name }) => name === 'db-replica')?.database?.lagBytes
      const late = await stage.ask(
        'db-replica',
        "select setting <> '0' or pg_is_wal_replay_paused() from pg_settings where name = 'recovery_min_apply_delay'",
      )
      const seen = lag === 0 ? (late === 't' ? 'all is there, but new votes will be late' : 'at once') : undefined
      return { ok: lag === 0 && late === 'f', seen: seen ?? `it is ${lag ?? 'an unknown number of'} bytes behind` }
    },
  )
