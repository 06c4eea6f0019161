import { test } from 'tap'
import { json, pollOnBoth, untilHas, voteOn, votersOn } from '../recovery/scene.ts'
import { containerOf, docker, resetAfter, sql, verb } from '../the-lab.ts'

/** Cuts the standby off, and has the primary write this many MiB and a vote that the standby lacks; then the primary dies. */
async function dieWithMore(mebibytes: number, kind: 'crash' | 'freeze'): Promise<string> {
  const poll = await pollOnBoth()
  await verb('fault', ['isolate', 'db-replica', 'db-primary'])
  await voteOn('db-primary', poll, 'ann')
  if (mebibytes > 0)
    await sql(
      'db-primary',
      `do $$ begin for mebibyte in 1..${mebibytes} loop perform pg_logical_emit_message(false, 'test', repeat('x', 1048576)); end loop; end $$`,
    )
  await voteOn('db-primary', poll, 'bob')
  await verb('fault', [kind, 'db-primary'])
  return poll
}

for (const [kind, mebibytes] of [
  ['crash', 0],
  ['crash', 40],
  ['freeze', 20],
] as const)
  test(`after a ${kind}, with ${mebibytes} MiB that the standby lacks, --salvage loses no vote`, async (t) => {
    resetAfter(t)
    const poll = await dieWithMore(mebibytes, kind)
    if (mebibytes > 1)
      t.match(await verb('failover'), { exit: 1, stderr: /LOSES_TOO_MUCH/ }, 'without it everything is as before')
    const failed = await json(t, 'failover', '--salvage')
    t.match(failed, { promoted: 'db-replica', salvaged: [{ from: 'db-primary', unread: null }], lost: { bytes: 0 } })
    t.ok(failed.salvaged[0].bytes > mebibytes * 2 ** 20, `${failed.salvaged[0].bytes} bytes`)
    t.equal(await votersOn('db-replica', poll), 'ann bob')
    await verb('fault', ['heal', 'isolate'])
    await json(t, 'rejoin')
    await untilHas(
      'db-primary',
      `select string_agg(user_id, ' ' order by user_id) from vote where poll_id = '${poll}'`,
      'ann bob',
    )
  })

test('what cannot be read is said, and then it is as without --salvage', async (t) => {
  resetAfter(t)
  const poll = await dieWithMore(0, 'crash')
  const image = await docker('inspect', '-f', '{{.Config.Image}}', containerOf('db-primary'))
  const volumes = ['run', '--rm', '--network', 'none', '--volumes-from', containerOf('db-primary'), image]
  await docker(...volumes, 'bash', '-c', 'rm /var/lib/postgresql/data/pg_wal/0*')
  const refused = await verb('failover', ['--salvage'])
  t.match(refused, { exit: 1, stderr: /FENCED_NOT_PROMOTED: .*unknown/ })
  const forced = await verb('failover', ['--salvage', '--force'])
  t.match(forced, { exit: 0, stdout: /salvaged {5}nothing: the WAL of db-primary cannot be read/ })
  t.equal(await votersOn('db-replica', poll), '')
})
