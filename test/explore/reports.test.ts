// A report on the standby holds up replay, and with it a promotion.
import { type Test, test } from 'tap'
import { openSession } from '../../scripts/lab/postgres/session.ts'
import { startWatcher } from '../../scripts/lab/verbs/watcher.ts'
import { json, pollOnBoth, untilHas, voteGetsThrough } from '../recovery/scene.ts'
import { containerOf, docker, failureOf, lab, patience, resetAfter, sql, verb } from '../the-lab.ts'

const stateOf = (name: 'db-primary' | 'db-replica') => docker('inspect', '-f', '{{.State.Status}}', containerOf(name))

/** A standby whose replay waits ten minutes for a report, and a table on it to report on. */
async function patientStandby(t: Test): Promise<string> {
  resetAfter(t)
  const poll = await pollOnBoth()
  await sql('db-primary', 'create table sale (id int) with (autovacuum_enabled = off)')
  await sql('db-primary', 'create table offer (id int)')
  await sql('db-primary', 'insert into sale select generate_series(1, 1000)')
  await sql('db-replica', "alter system set max_standby_streaming_delay = '10min'")
  await sql('db-replica', 'select pg_reload_conf()')
  await untilHas('db-replica', 'show max_standby_streaming_delay', '10min')
  await untilHas('db-replica', 'select count(*) from sale', '1000')
  return poll
}

/** Opens a transaction on the standby that stays open; gives its pid. */
async function report(t: Test, ...statements: readonly string[]): Promise<number> {
  const [, node] = lab.databases
  if (node === undefined) throw new Error('no standby')
  const session = openSession(node)
  t.teardown(session.end)
  const answer = await session.run([...statements, 'select pg_backend_pid()'].join(';\n'), 10 * patience)
  return Number(answer.split('\n').at(-1))
}

const snapshot = (t: Test): Promise<number> =>
  report(t, 'begin isolation level repeatable read', 'select count(*) from sale')

/** The primary removes rows that reports on the standby see, until replay has met one. */
async function removeRows(): Promise<void> {
  await sql('db-primary', 'delete from sale')
  // The servers' own transactions may keep rows from being removed for a moment.
  for (let vacuum = 0; vacuum < 5; vacuum++) {
    await sql('db-primary', 'vacuum sale')
    const end = await sql('db-primary', 'select pg_current_wal_lsn()')
    await untilHas(
      'db-replica',
      `select pg_last_wal_replay_lsn() >= '${end}' or exists (select from pg_stat_activity where wait_event = 'RecoveryConflictSnapshot')`,
      't',
    )
    if ((await waiting()) === 'RecoveryConflictSnapshot') return
  }
  throw new Error('no vacuum removed a row that the report sees')
}

const waiting = () => sql('db-replica', "select wait_event from pg_stat_activity where backend_type = 'startup'")

test('a failover names what replay waits for and ends it before it fences, also what comes to light only then', async (t) => {
  const poll = await patientStandby(t)
  const sees = await snapshot(t)
  const locks = await report(t, 'begin', 'select count(*) from offer')
  await removeRows()
  // Replay meets this one when the first has ended.
  await sql('db-primary', 'drop table offer')
  const end = await sql('db-primary', 'select pg_current_wal_lsn()')
  const refused = await verb('failover', ['--keep-reports'])
  t.match(refused, {
    exit: 1,
    stderr: new RegExp(
      `REPLAY_HELD: db-replica .*replay waits for pid ${sees} \\(postgres, idle in transaction.*bytes are left`,
    ),
  })
  t.match(refused.stderr, /→ .*without --keep-reports/)
  t.equal(await stateOf('db-primary'), 'running', 'nothing was fenced')
  await untilHas('db-replica', `select pg_last_wal_receive_lsn() >= '${end}'`, 't')
  await docker('kill', containerOf('db-primary'))
  const ran = await verb('failover', ['--json'])
  t.equal(ran.exit, 0, failureOf(ran))
  t.match(
    ran.stderr,
    new RegExp(`waits for pid ${sees} .*this report is ended(.|\\n)*pg_terminate_backend\\(${sees}\\)(.|\\n)*✔ Check`),
  )
  const done = JSON.parse(ran.stdout)
  t.equal(await sql('db-replica', "select count(*) from pg_class where relname = 'offer'"), '0')
  t.strictSame(
    done.endedReports.map(({ pid }: { pid: number }) => pid),
    [sees, locks],
  )
  t.ok(done.seconds < 10 * patience, `${done.seconds} s`)
  await voteGetsThrough(t, poll, 'ann')
})

test('a watch ends what replay waits for, or refuses and says once which report that is', async (t) => {
  await patientStandby(t)
  const pid = await snapshot(t)
  await removeRows()
  const watcher = startWatcher(lab, ['--keep-reports'])
  t.teardown(watcher.stop)
  await watcher.next('watching')
  await docker('kill', containerOf('db-primary'))
  t.match(await watcher.next('refused'), {
    code: 'REPLAY_HELD',
    why: new RegExp(`replay waits for pid ${pid} `),
    fix: /--keep-reports/,
  })
  await watcher.stop()
  const second = startWatcher(lab, [])
  t.teardown(second.stop)
  t.match(await second.next('failed-over'), { promoted: 'db-replica', endedReports: [{ pid }] })
})

for (const delay of ['10min', '0'])
  test(`what replay has still to do a promotion neither holds up nor is cancelled for, at a delay of ${delay}`, (t) =>
    promoteWithBacklog(t, delay))

/** A promotion that has to replay first what removes rows that any snapshot sees. */
async function promoteWithBacklog(t: Test, delay: string): Promise<void> {
  const poll = await patientStandby(t)
  await sql('db-replica', `alter system set max_standby_streaming_delay = '${delay}'`)
  await sql('db-replica', 'select pg_reload_conf()')
  await untilHas('db-replica', 'show max_standby_streaming_delay', delay)
  await sql('db-replica', 'select pg_wal_replay_pause()')
  for (let round = 0; round < 5; round++) {
    await sql('db-primary', 'insert into sale select generate_series(1, 1000)')
    await sql('db-primary', 'delete from sale')
    await sql('db-primary', 'vacuum sale')
  }
  const end = await sql('db-primary', 'select pg_current_wal_lsn()')
  await untilHas('db-replica', `select pg_last_wal_receive_lsn() >= '${end}'`, 't')
  await docker('kill', containerOf('db-primary'))
  const done = await json(t, 'failover', '--force')
  t.match(done, { promoted: 'db-replica', endedReports: [] })
  t.equal(await sql('db-replica', 'select count(*) from sale'), '0', 'it has replayed everything')
  t.ok(done.seconds < 10 * patience, `${done.seconds} s`)
  await voteGetsThrough(t, poll, 'ann')
}

test('a standby that replays late: a failover ends the delay and loses nothing, a switchover is refused', async (t) => {
  const poll = await patientStandby(t)
  await sql('db-replica', "alter system set recovery_min_apply_delay = '1h'")
  await sql('db-replica', 'select pg_reload_conf()')
  await untilHas('db-replica', 'show recovery_min_apply_delay', '1h')
  await sql('db-primary', 'insert into sale values (0)')
  const end = await sql('db-primary', 'select pg_current_wal_lsn()')
  await untilHas('db-replica', `select pg_last_wal_receive_lsn() >= '${end}'`, 't')
  t.match(await verb('switchover'), {
    exit: 1,
    stderr: /STANDBY_DELAYED: db-replica waits 1h before it replays each commit/,
  })
  t.equal(await stateOf('db-primary'), 'running')
  await docker('kill', containerOf('db-primary'))
  const ran = await verb('failover')
  t.match(ran, { exit: 0, stderr: /Check: db-replica has received up to .*, and has still to replay \d+ bytes of it/ })
  t.equal(await sql('db-replica', 'select count(*) from sale'), '1001')
  await voteGetsThrough(t, poll, 'ann')
})

test('a switchover is refused while replay waits for a report, before anybody is stopped, or ends it if told to', async (t) => {
  const poll = await patientStandby(t)
  const pid = await snapshot(t)
  await removeRows()
  const since = await docker('inspect', '-f', '{{.State.StartedAt}}', containerOf('db-primary'))
  t.match(await verb('switchover'), {
    exit: 1,
    stderr: new RegExp(`REPLAY_HELD: db-replica .*replay waits for pid ${pid} (.|\\n)*→ .*--end-reports`),
  })
  t.equal(await docker('inspect', '-f', '{{.State.StartedAt}}', containerOf('db-primary')), since)
  const signal = (name: string) => docker('exec', containerOf('db-replica'), 'bash', '-c', `kill -${name} ${pid}`)
  await signal('STOP')
  t.match(await verb('switchover', ['--end-reports']), {
    exit: 1,
    stderr: new RegExp(`REPORT_STAYS: db-replica .*replay waits for pid ${pid} (.|\\n)*→ .*docker restart`),
  })
  t.equal(await docker('inspect', '-f', '{{.State.StartedAt}}', containerOf('db-primary')), since)
  await signal('CONT')
  t.match(await json(t, 'switchover', '--end-reports'), { primary: 'db-replica' })
  await voteGetsThrough(t, poll, 'ann')
})
