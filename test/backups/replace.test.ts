import { test } from 'tap'
import { ok } from '../grpc.ts'
import { json, untilHas, votersOn } from '../recovery/scene.ts'
import { resetAfter, sql, verb } from '../the-lab.ts'
import { wentTooFar } from './too-far.ts'

test('the lab goes back to a moment: what is lost is listed before, and tokens of the lost history are refused', async (t) => {
  resetAfter(t)
  const { polling, uuid, vote, token } = await wentTooFar()
  t.teardown(polling.close)
  // A backup from after the goal: it is on the timeline that will be left, past its fork.
  await json(t, 'backup')
  await json(t, 'backup', 'mark', 'too-late')
  const tooLate = await sql('db-primary', 'select clock_timestamp()')
  const refused = await verb('restore', ['--name', 'before', '--replace'])
  t.match(refused, {
    exit: 1,
    stderr: /RESTORE_LOSES: votes .*: 1\. .* nothing was changed.*\n *late for a in Who\?\n.*--force/,
  })
  t.match(await json(t, 'status'), { healthy: true, primaries: ['db-primary'] })
  t.equal(await votersOn('db-primary', uuid), 'late')
  t.match((await verb('restore', ['list'])).stdout, /nothing is restored/)
  const replaced = await json(t, 'restore', '--name', 'before', '--replace', '--force')
  t.match(replaced, {
    ...{ primary: 'db-primary', timeline: 2, lost: [{ user: 'late' }], regained: [{ user: 'ann' }] },
    standbys: [{ name: 'db-replica', how: /rewound|copied/ }],
  })
  t.match(await json(t, 'status'), { healthy: true, primaries: ['db-primary'], archiver: { failsSince: null } })
  await untilHas('db-replica', `select string_agg(user_id, ' ') from vote where poll_id = '${uuid}'`, 'ann')
  t.match(await polling.results(uuid, { token }), { failure: 'HISTORY_LOST' })
  t.match(await ok(vote('bob')), { status: 'Vote Successfully!' })
  const left = "select count(*) from pg_file_settings where name ~ '^(restore_command|recovery_target)'"
  t.equal(await sql('db-primary', left), '0')
  // What went too far is on the old timeline, and the archive goes on along the new one.
  t.match(await verb('backup', ['check']), { exit: 0 })
  t.match(await json(t, 'restore', '--end', '--timeline', '1'), { votes: 1, onlyThere: [{ user: 'late' }] })
  t.equal((await verb('restore', ['remove'])).exit, 0)
  t.match((await verb('backup', ['list'])).stdout, /abandoned +timeline 1 has WAL/)
  t.match(await verb('restore', ['--to', tooLate, '--replace', '--force']), {
    exit: 1,
    stderr: /OTHER_TIMELINE: .* the lab was on timeline 1\..*\n *→ run this again with --timeline 1;/,
  })
  t.match(await json(t, 'status'), { healthy: true, restored: null })
  // At that moment the lab was on the old timeline, and a restore along the newest says so.
  t.match(await json(t, 'restore', '--to', tooLate), { along: 2, votes: 1, onlyThere: [], left: 1 })
  t.equal((await verb('restore', ['remove'])).exit, 0)
  const now = await sql('db-primary', 'select clock_timestamp()')
  t.match(await verb('restore', ['--to', now, '--timeline', '1']), {
    exit: 1,
    stderr: /ARCHIVE_ENDS: .*: at that moment the lab was on timeline 2\n *→ go along that one: .*--timeline 2/,
  })
  // A mark on the old timeline is found without naming that.
  t.match(await json(t, 'restore', '--name', 'too-late'), { along: 1, votes: 1, onlyThere: [{ user: 'late' }] })
  t.equal((await verb('restore', ['remove'])).exit, 0)
})
