import { z } from 'zod'
import {
  defineExercise,
  type Finding,
  finding,
  isPrimary,
  isStandby,
  type Stage,
} from '../../scripts/lab/exercise/face.ts'

/** How long one answer of the report's session may take, seconds. */
const ANSWER_SECONDS = 10
/** A vacuum leaves rows that any transaction still sees, also a transaction of the servers. So the check tries up to this many. */
const VACUUMS = 5

export const exercise = defineExercise({
  minutes: 25,
  notes: z.object({}),
  async setup(stage) {
    await stage.change(
      'db-primary',
      'create table sale (id int primary key, amount int) with (autovacuum_enabled = off)',
      'insert into sale select n, n % 97 from generate_series(1, 1000) n',
    )
    await stage.change('db-replica', "alter system set max_standby_streaming_delay = '0'", 'select pg_reload_conf()')
    await stage.until('the table on db-replica', async () => {
      const rows = await stage.ask('db-replica', "select count(*) from pg_class where relname = 'sale'")
      return rows === '1' ? { done: undefined } : { seen: `${rows} tables` }
    })
    return {}
  },
  check: (stage) =>
    Promise.all([
      finding(
        'a report on db-replica outlives a vacuum on db-primary',
        `${stage.type.docker('logs', 'db-replica')}, after a vacuum of sale during a report`,
        async () =>
          (await hasTable(stage)) ? runReport(stage) : { ok: false, seen: 'there is no table sale', final: true },
      ),
      hasAllItsTime(stage),
      finding(
        'db-primary removes dead rows, whatever is read on db-replica',
        `xmin in pg_replication_slots: ${stage.type.session('db-primary')}`,
        async () => {
          const feedback = await stage.ask('db-replica', 'show hot_standby_feedback')
          const xmin = await stage.ask(
            'db-primary',
            "select xmin from pg_replication_slots where slot_name = 'db_replica'",
          )
          return {
            ok: feedback === 'off' && xmin === '',
            seen:
              feedback === 'on'
                ? 'db-replica makes it keep them: hot_standby_feedback is on'
                : xmin === ''
                  ? 'it removes them'
                  : `rows since transaction ${xmin} are kept`,
          }
        },
      ),
      isStandby(stage, 'db-replica'),
      isPrimary(stage, 'db-primary'),
    ]),
  hints: ({ type }) => [
    'Make a report fail. On db-replica begin a transaction "isolation level repeatable read", and count the rows of the table sale. On db-primary update sale and vacuum it. Then count again on db-replica.',
    `${type.docker('logs', 'db-replica')} gives the reason: conflict with recovery. Replay has to remove rows that the report still sees.`,
    'Either replay waits for the report, or the report is ended, or the primary keeps the rows. Which of the three does the brief allow?',
    'max_standby_streaming_delay on db-replica says how long replay may wait: alter system, then pg_reload_conf().',
    'It counts from the moment when the WAL was received, not from the start of a report. While replay waits for one report, it is already late for the next one. Which value gives each report its ten minutes, however many run?',
  ],
  solution: (stage) => [
    {
      does: 'How long may replay wait for a report?',
      command: stage.type.psql('db-replica', 'show max_standby_streaming_delay'),
    },
    {
      does: 'Let replay on the standby wait as long as any report runs',
      command: DELAY(stage, '-1'),
    },
  ],
  tempting: (stage) => [
    {
      does: 'making the primary keep the rows',
      misses: 'db-primary removes dead rows',
      steps: [{ does: 'feedback', command: SET(stage, 'db-replica', 'hot_standby_feedback = on') }],
    },
    {
      does: 'fifteen minutes, of which the first report uses up a part before the second one begins',
      misses: 'may run to its end',
      steps: [{ does: 'set', command: DELAY(stage, '15min') }],
    },
    {
      does: 'ten minutes',
      misses: 'may run to its end',
      thorough: true,
      steps: [{ does: 'set', command: DELAY(stage, '10min') }],
    },
    {
      does: 'no limit, on the primary',
      misses: 'outlives a vacuum',
      thorough: true,
      steps: [{ does: 'set', command: SET(stage, 'db-primary', 'max_standby_streaming_delay = -1') }],
    },
    {
      does: 'no limit, and the primary keeps the rows as well',
      misses: 'db-primary removes dead rows',
      thorough: true,
      steps: [
        { does: 'set', command: DELAY(stage, '-1') },
        { does: 'feedback', command: SET(stage, 'db-replica', 'hot_standby_feedback = on') },
      ],
    },
    {
      does: 'changing the setting, without a reload of the configuration',
      misses: 'may run to its end',
      thorough: true,
      steps: [
        {
          does: 'set',
          command: stage.type.psql('db-replica', 'alter system set max_standby_streaming_delay = -1'),
        },
      ],
    },
    {
      does: 'pausing replay for good',
      misses: 'outlives a vacuum',
      thorough: true,
      steps: [
        { does: 'set', command: DELAY(stage, '-1') },
        { does: 'pause', command: stage.type.psql('db-replica', 'select pg_wal_replay_pause()') },
      ],
    },
    {
      does: 'making the standby a second primary, for the reports',
      misses: 'db-replica is a standby',
      thorough: true,
      steps: [{ does: 'promote', command: stage.type.psql('db-replica', 'select pg_promote()') }],
    },
    {
      does: 'resetting the lab',
      misses: 'outlives a vacuum',
      final: true,
      thorough: true,
      steps: [{ does: 'reset', command: stage.type.verb('reset') }],
    },
  ],
  also: (stage) => [
    {
      does: 'no limit, by a restart',
      thorough: true,
      steps: [
        {
          does: 'set',
          command: stage.type.psql('db-replica', "alter system set max_standby_streaming_delay = '-1'"),
        },
        { does: 'restart', command: stage.type.docker('restart', 'db-replica') },
        { does: 'wait', command: stage.type.verb('setup') },
      ],
    },
    {
      does: 'feedback first, then off again',
      steps: [
        { does: 'feedback', command: SET(stage, 'db-replica', 'hot_standby_feedback = on') },
        { does: 'wait', command: 'sleep 2' },
        { does: 'take it back', command: SET(stage, 'db-replica', 'hot_standby_feedback = off') },
        { does: 'wait', command: 'sleep 2' },
        { does: 'set', command: DELAY(stage, '-1') },
      ],
    },
  ],
})

const SET = (stage: Stage, node: 'db-primary' | 'db-replica', setting: string): string =>
  stage.type.psql(node, `alter system set ${setting}`, 'select pg_reload_conf()')

const DELAY = (stage: Stage, delay: string): string =>
  SET(stage, 'db-replica', `max_standby_streaming_delay = '${delay}'`)

const hasTable = async (stage: Stage): Promise<boolean> =>
  (await stage.ask('db-primary', "select count(*) from pg_class where relname = 'sale'")) === '1'

/** No limit at all: earlier reports can have used up any limit when a report begins. */
const hasAllItsTime = (stage: Stage): Promise<Finding> =>
  finding(
    'each report may run to its end, also if it begins while replay waits for another',
    `pg_settings: ${stage.type.session('db-replica')}`,
    async () => {
      const delay = Number(
        await stage.ask('db-replica', "select setting from pg_settings where name = 'max_standby_streaming_delay'"),
      )
      const limit = `reports are ended when replay is ${delay / 1000} s late, counted from the receipt of the WAL`
      return { ok: delay === -1, seen: delay === -1 ? 'replay waits for every report' : limit }
    },
  )

/** Begins a report on the standby, makes the primary remove rows that the report sees, and looks what happens to it. */
async function runReport(stage: Stage) {
  if ((await stage.ask('db-replica', 'select pg_is_wal_replay_paused()')) === 't')
    return { ok: false, seen: 'replay is paused on db-replica, so no report was tried' }
  const report = stage.session('db-replica')
  try {
    const count = (): Promise<string> => report.run('select count(*) from sale', ANSWER_SECONDS)
    await report.run('begin isolation level repeatable read', ANSWER_SECONDS)
    const before = await count()
    await stage.change('db-primary', 'update sale set amount = amount + 1')
    const vacuum = async (): Promise<string> => {
      await stage.change('db-primary', 'vacuum sale')
      return stage.ask('db-primary', 'select pg_current_wal_lsn()')
    }
    let end = await vacuum()
    let vacuums = 1
    const met = await stage.until('the vacuum to meet the report', async () => {
      const after = await count().catch(() => undefined)
      if (after === undefined) return { done: 'ended' }
      const [waits, replayed] = (
        await stage.ask(
          'db-replica',
          `select (select count(*) from pg_stat_activity where wait_event like 'RecoveryConflict%'), pg_last_wal_replay_lsn() >= '${end}'`,
        )
      ).split('|')
      if (waits !== '0') return { done: after === before ? 'outlived' : 'changed' }
      if (replayed !== 't') return { seen: 'replay goes on' }
      if (vacuums === VACUUMS) return { done: 'missed' }
      end = await vacuum()
      vacuums += 1
      return { seen: `${vacuums} vacuums` }
    })
    const seen = {
      ended: 'it was ended: conflict with recovery',
      outlived: 'replay waited for it',
      changed: 'it saw rows change',
      missed: 'no vacuum removed rows that it could see',
    }[met]
    return { ok: met === 'outlived', seen: seen ?? met }
  } finally {
    report.end()
  }
}
