// What somebody does with docker and psql, past the verbs, and what the verbs then make of it.
import { readFile } from 'node:fs/promises'
import { test } from 'tap'
import { ask } from '../../scripts/lab/postgres/sql.ts'
import { cutOff, json, pollOnBoth, untilHas, voteOn } from '../recovery/scene.ts'
import { containerOf, docker, failureOf, lab, resetAfter, sql, verb } from '../the-lab.ts'

const users = (votes: readonly { user: string }[]) => votes.map(({ user }) => user)
const stateOf = (name: 'db-primary' | 'db-replica') => docker('inspect', '-f', '{{.State.Status}}', containerOf(name))

/** Runs commands in the data folder of db-primary while it is down. */
const inItsData = (commands: string): Promise<string> =>
  docker('inspect', '-f', '{{.Config.Image}}', containerOf('db-primary')).then((image) => {
    const volume = `${containerOf('db-primary')}-data:/var/lib/postgresql`
    return docker('run', '--rm', '--network', 'none', '-v', volume, image, 'bash', '-c', `cd $PGDATA; ${commands}`)
  })

test('promoted by hand: setup does not start the old primary beside the new one, even if its container was removed, and rejoin brings it back', async (t) => {
  resetAfter(t)
  const poll = await pollOnBoth()
  await cutOff()
  await voteOn('db-primary', poll, 'ann')
  await docker('kill', containerOf('db-primary'))
  const [node] = lab.databases
  if (node !== undefined)
    await t.rejects(ask(lab, node, 'select 1'), {
      code: 'DATABASE_DOWN',
      message: 'db-primary does not run (its container is exited)',
    })
  await sql('db-replica', 'select pg_promote()')

  t.match(await verb('setup'), { exit: 1, stderr: /WOULD_SPLIT: db-primary went down as a primary.*\n.*rejoin\.ts/ })
  t.equal(await stateOf('db-primary'), 'exited')
  t.match(await verb('failover'), {
    exit: 1,
    stderr: /ALREADY_PROMOTED: db-replica is the primary already.*\n.*do not start db-primary as it is.*rejoin\.ts/,
  })
  // Both down: the newer one starts, and only that.
  await docker('stop', containerOf('db-replica'))
  await docker('rm', containerOf('db-primary'))
  t.match(await verb('setup'), { exit: 1, stderr: /WOULD_SPLIT: db-primary/ })
  t.equal(await stateOf('db-primary'), 'created')
  await untilHas('db-replica', 'select pg_is_in_recovery()', 'f')

  const done = await json(t, 'rejoin')
  t.match(done, { primary: 'db-replica', standbys: [{ name: 'db-primary', how: 'rewound' }] })
  t.strictSame(users(done.standbys[0].divergedVotes), ['ann'])
  const ran = await verb('setup')
  t.equal(ran.exit, 0, failureOf(ran))
})

test('started by hand as a standby of a history it does not fit: rejoin still lists and keeps its votes, and never drops them unseen', async (t) => {
  resetAfter(t)
  const poll = await pollOnBoth()
  await cutOff()
  await voteOn('db-primary', poll, 'ann', 'bob')
  await docker('kill', containerOf('db-primary'))
  t.match(await json(t, 'failover', '--force'), { promoted: 'db-replica' })
  await inItsData(`printf '%s\\n' do=follow from=db-replica >../start-note`)
  await docker('start', containerOf('db-primary'))
  // From here on it knows of the new timeline, and does not come up with it again.
  await untilHas('db-primary', "select count(*) from pg_ls_waldir() where name = '00000002.history'", '1')
  await docker('stop', containerOf('db-primary'))

  // PostgreSQL's other way to begin a recovery, which it refuses without an archive: nobody can read this.
  await inItsData('mv standby.signal recovery.signal')
  const refused = await verb('rejoin')
  t.match(refused, {
    exit: 1,
    stderr:
      /VOTES_UNREADABLE: the votes that only db-primary has cannot be listed: FATAL: .*restore_command.*\n.*--discard/,
  })
  await inItsData('mv recovery.signal standby.signal')

  const done = await json(t, 'rejoin')
  t.match(done, { standbys: [{ name: 'db-primary', how: 'rewound' }] })
  t.strictSame(users(done.standbys[0].divergedVotes), ['ann', 'bob'], 'the refusal threw nothing away')
  t.strictSame(users(JSON.parse(await readFile(done.standbys[0].keptIn, 'utf8'))), ['ann', 'bob'])
  t.match(await json(t, 'status'), { healthy: true, primaries: ['db-replica'] })
})

test('votes that cannot be read are dropped only for somebody who says so', async (t) => {
  resetAfter(t)
  await docker('kill', containerOf('db-primary'))
  t.match(await json(t, 'failover'), { promoted: 'db-replica' })
  await inItsData('touch recovery.signal')
  t.match(await json(t, 'rejoin', '--discard'), {
    standbys: [{ how: 'copied', why: 'its data cannot be opened', divergedVotes: null, keptIn: null }],
  })
  t.match(await json(t, 'status'), { healthy: true, primaries: ['db-replica'] })
})

test('of two primaries the newer one is kept, also if it was stopped before', async (t) => {
  resetAfter(t)
  const poll = await pollOnBoth()
  await cutOff()
  await voteOn('db-primary', poll, 'ann')
  await sql('db-replica', 'select pg_promote()')
  await voteOn('db-replica', poll, 'bob')
  const split = await verb('status')
  t.match(
    split.stdout,
    /db-replica and db-primary take writes; the servers write to db-replica, on the newest timeline/,
  )
  await docker('stop', containerOf('db-replica'))
  t.match(await verb('rejoin'), {
    exit: 1,
    stderr: /NEWER_IS_DOWN: db-replica is down.*\n.*docker start .*db-replica/,
  })
  await docker('start', containerOf('db-replica'))
  await untilHas('db-replica', 'select pg_is_in_recovery()', 'f')
  const done = await json(t, 'rejoin')
  t.match(done, { primary: 'db-replica', standbys: [{ name: 'db-primary' }] })
  t.strictSame(users(done.standbys[0].divergedVotes), ['ann'])
})
