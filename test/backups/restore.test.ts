import { test } from 'tap'
import { json, pollOnBoth, voteOn, votersOn } from '../recovery/scene.ts'
import { docker, resetAfter, sql, verb } from '../the-lab.ts'
import { container, inRestored, remove, untilPossible, votersThere } from './restored.ts'

/** A moment of the primary's clock after which everything is later. */
const moment = async (): Promise<string> => {
  const at = await sql('db-primary', "select date_trunc('milliseconds', clock_timestamp()) + interval '1 ms'")
  await sql('db-primary', 'select pg_sleep(0.01)')
  return at
}

test('deleted votes are brought back from a moment, an LSN and a mark, while the lab goes on with its later votes', async (t) => {
  resetAfter(t)
  t.teardown(remove)
  const poll = await pollOnBoth()
  await voteOn('db-primary', poll, 'ann')
  const { ended } = await json(t, 'backup')
  await untilPossible(ended)
  await voteOn('db-primary', poll, 'bob')
  const before = await moment()
  const lsn = await sql('db-primary', 'select pg_current_wal_lsn()')
  await json(t, 'backup', 'mark', 'before')
  await sql('db-primary', `delete from vote where poll_id = '${poll}'`)
  await voteOn('db-primary', poll, 'cid')
  for (const goal of [
    ['--to', before],
    ['--lsn', lsn],
    ['--name', 'before'],
  ]) {
    const restored = await json(t, 'restore', ...goal)
    t.match(restored, {
      ...{ votes: 2, polls: 1, timeline: 2, primary: 'db-primary' },
      ...{ onlyThere: [{ user: 'ann' }, { user: 'bob' }], lacks: [{ user: 'cid' }] },
    })
    t.equal(await votersThere(poll), 'ann bob', goal.join(' '))
    t.match((await verb('restore', ['list'])).stdout, /db-restored: restored to .*with 2 votes/)
    t.match(await verb('restore', goal), { exit: 1, stderr: /RESTORED_THERE/ })
    // It takes writes, and archives none of them.
    await inRestored(`insert into vote (poll_id, user_id, option) values ('${poll}', 'dora', 1)`)
    t.equal(await inRestored('show archive_mode'), 'off')
    t.match(await remove(), { exit: 0, stdout: /is removed/ })
  }
  const cast = Date.parse(await sql('db-primary', 'select max(cast_at) from vote'))
  const end = await json(t, 'restore', '--end')
  t.match(end, { votes: 1, onlyThere: { length: 0 }, lacks: { length: 0 } })
  t.ok(Date.parse(end.lastCommit) >= cast, `the last commit that was replayed is of ${end.lastCommit}`)
  t.equal(await votersOn('db-primary', poll), 'cid', 'the lab goes on')
  t.match((await verb('status')).stdout, /5 of 5 nodes healthy/)
  // It may not write into the repository.
  const write = docker('exec', container, 'bash', '-c', 'touch /var/lib/pgbackrest/x 2>&1 || true')
  t.match(await write, /Read-only file system/)
})

test('a goal that is none is refused with what is possible, and nothing is made', async (t) => {
  resetAfter(t)
  t.teardown(remove)
  t.match(await verb('restore', ['--end']), { exit: 1, stderr: /NO_BACKUP/ })
  await json(t, 'backup')
  const cases: readonly (readonly [readonly string[], number, RegExp])[] = [
    [[], 2, /say where to go: one of --to, --lsn, --name and --end/],
    [['--end', '--name', 'x'], 2, /only one of --to/],
    [['--to', '2026-11-25 09:39:59'], 1, /MOMENT_WITHOUT_ZONE: .*\n.*--to '2026-11-25 09:39:59[+-]\d\d/],
    [['--to', 'yesterday'], 1, /NO_MOMENT/],
    [['--to', '2126-11-25 09:39:59+00'], 1, /MOMENT_AHEAD/],
    [['--to', '2020-11-25 09:39:59+00'], 1, /BEFORE_FIRST_BACKUP: .*earliest possible moment is 20/],
    [['--lsn', 'x'], 2, /is no LSN/],
    [['--lsn', '0/1'], 1, /BEFORE_FIRST_BACKUP/],
    [['--name', 'other'], 1, /NO_SUCH_MARK/],
    [['--end', '--timeline', '9'], 1, /NO_SUCH_TIMELINE: .*only of 1/],
    [['--lsn', 'FF/0'], 1, /LSN_NOT_ARCHIVED: the archive does not reach LSN FF\/0/],
  ]
  for (const [goal, exit, stderr] of cases) t.match(await verb('restore', goal), { exit, stderr }, goal.join(' '))
  t.match((await verb('restore', ['list'])).stdout, /nothing is restored/)
  t.match(await docker('ps', '-aq', '--filter', `name=^${container}$`), /^$/)
})
