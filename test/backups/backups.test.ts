import { test } from 'tap'
import { until } from '../../scripts/lab/wait.ts'
import { client, ok } from '../grpc.ts'
import { json, pollOnBoth, untilHas, voteOn } from '../recovery/scene.ts'
import { addressOf, containerOf, docker, patience, resetAfter, sql, startVerb, verb } from '../the-lab.ts'

/** Has the primary begin a new segment, and waits until the one before it is in the repository. */
const archiveNow = (node: 'db-primary' | 'db-replica') =>
  docker('exec', containerOf(node), 'pgbackrest', '--stanza=lab', 'check')

const inRepository = (script: string) => docker('exec', containerOf('db-primary'), 'bash', '-c', script)

test('the first backup switches archiving on while clients vote, and none of them sees an error', async (t) => {
  resetAfter(t)
  t.match(await verb('backup', ['list']), { exit: 0, stdout: /no backup yet: zx scripts\/backup\.ts makes/ })
  t.match(await verb('backup', ['check']), { exit: 1, stderr: /NO_BACKUP/ })
  t.match(await verb('backup', ['mark', 'x']), { exit: 1, stderr: /NO_ARCHIVE/ })
  const polling = client(addressOf('loader'))
  t.teardown(polling.close)
  const { uuid } = await ok(polling.createPoll({ poll_questions: 'Who?', options: ['a', 'b'] }))
  const backup = startVerb('backup', ['--json'])
  let running = true
  void backup.ended.then(() => {
    running = false
  })
  const seen = new Map<string, number>()
  for (let nth = 0; running; nth++) {
    const { status } = await ok(polling.castVote({ uuid, userID: `u${nth}`, select_options: 'a' }))
    seen.set(status, (seen.get(status) ?? 0) + 1)
  }
  const made = await backup.ended
  t.equal(made.exit, 0, made.stderr)
  t.match(JSON.parse(made.stdout), { type: 'full', timeline: 1 })
  t.strictSame([...seen.keys()], ['Vote Successfully!'])
  t.ok((seen.get('Vote Successfully!') ?? 0) > 20, `${seen.get('Vote Successfully!')} votes`)
  t.match((await verb('status')).stdout, /archive: last 0000000100000000\w+, \d+ s ago; no failure/)
  t.match(await json(t, 'backup', '--type', 'diff'), { type: 'diff' })
  t.match(await json(t, 'backup', '--type', 'incr'), { type: 'incr' })
  t.match(await json(t, 'backup', 'list'), {
    ...{ on: true, primary: 'db-primary', backups: [{ type: 'full' }, { type: 'diff' }, { type: 'incr' }] },
    archiver: { failsSince: null },
  })
  t.match(await verb('backup', ['check']), { exit: 0, stdout: /WAL arrives, no segment is missing/ })
})

test('archiving goes on after a failover and a rejoin, and only the primary archives', async (t) => {
  resetAfter(t)
  await json(t, 'backup')
  await json(t, 'failover')
  await archiveNow('db-replica')
  await json(t, 'rejoin')
  await archiveNow('db-replica')
  const list = await json(t, 'backup', 'list')
  t.match(list, { primary: 'db-replica', archiver: { failsSince: null }, branches: [{ timeline: 2, from: 1 }] })
  t.ok(list.segments.some((name: string) => name.startsWith('00000002')))
  t.match(await json(t, 'backup'), { timeline: 2 })
  await json(t, 'switchover')
  await archiveNow('db-primary')
  t.match(await verb('backup', ['check']), { exit: 0 })
  const archived = "select count(*) from pg_stat_archiver where last_archived_time > now() - interval '5 s'"
  const psql = (node: 'db-primary' | 'db-replica') =>
    docker('exec', containerOf(node), 'psql', '-XAtq', '-d', 'polling', '-c', archived)
  t.equal(await psql('db-primary'), '1')
  await until('the standby to have archived nothing for a while', { seconds: 20, patience }, async () => {
    const seen = await psql('db-replica')
    return seen === '0' ? { done: undefined } : { seen }
  })
})

test('a segment that is missing, and a file that is damaged, are found before they matter; a new backup helps', async (t) => {
  resetAfter(t)
  const poll = await pollOnBoth()
  await json(t, 'backup')
  for (const user of ['ann', 'bob', 'cid']) {
    await voteOn('db-primary', poll, user)
    await archiveNow('db-primary')
  }
  t.match(await verb('backup', ['check']), { exit: 0 })
  const { segments } = await json(t, 'backup', 'list')
  const gone = segments.at(-2)
  await inRepository(
    `rm /var/lib/pgbackrest/archive/lab/17-1/*/${gone}-* || rm /var/lib/pgbackrest/archive/lab/*/*/${gone}-*`,
  )
  const says = new RegExp(`segment ${gone} is missing: .* can be restored only up to it; zx scripts/backup\\.ts makes`)
  t.match(await verb('backup', ['check']), { exit: 1, stdout: says })
  t.match((await verb('backup', ['list'])).stdout, says)
  await json(t, 'backup')
  const after = await json(t, 'backup', 'list')
  t.equal(after.backups.length, 2)
  await inRepository('for f in /var/lib/pgbackrest/backup/lab/*F/bundle/1; do echo damaged >"$f"; done')
  t.match(await verb('backup', ['check']), { exit: 1, stdout: /damaged files \(backup: [\w-]+\): \d+ / })
})

test('a mark is written once, with a name that is one; archiving is switched off, and the backups are discarded', async (t) => {
  resetAfter(t)
  await json(t, 'backup')
  t.match(await json(t, 'backup', 'mark', 'before-cleanup'), { name: 'before-cleanup', timeline: 1 })
  t.match(await verb('backup', ['mark', 'before-cleanup']), {
    exit: 1,
    stderr: /MARK_TAKEN: there is a mark before-cleanup/,
  })
  for (const name of ['', 'a b', "x'; drop table vote", '$(id)', 'x'.repeat(61)])
    t.match(await verb('backup', ['mark', name]), { exit: 1, stderr: /BAD_MARK/ }, name)
  t.match(await json(t, 'backup', 'list'), { marks: [{ name: 'before-cleanup' }] })
  t.equal((await verb('backup', ['off'])).exit, 0)
  t.match(await json(t, 'backup', 'list'), { on: false, backups: { length: 1 } })
  t.match(await verb('backup', ['check']), { exit: 1, stdout: /archiving is off/ })
  t.match(await json(t, 'backup'), { type: 'full' })
  t.equal((await verb('backup', ['off', '--discard'])).exit, 0)
  t.match(await json(t, 'backup', 'list'), { on: false, backups: { length: 0 }, segments: { length: 0 } })
})

test('a reset deletes the backups; backups of other data are not mixed with new ones', async (t) => {
  resetAfter(t)
  await json(t, 'backup')
  await archiveNow('db-primary')
  await inRepository('tar -C /var/lib/pgbackrest -cf /var/lib/postgresql/kept.tar .')
  t.equal((await verb('reset')).exit, 0)
  t.match(await json(t, 'backup', 'list'), { on: false, backups: { length: 0 } })
  // As if all databases had lost their data, and the repository was what is left.
  await inRepository('tar -C /var/lib/pgbackrest -xf /var/lib/postgresql/kept.tar && rm /var/lib/pgbackrest/on')
  t.match(await verb('backup'), { exit: 1, stderr: /OTHER_BACKUPS: .*mix two histories\n.*off --discard/ })
  t.match(await json(t, 'backup', 'list'), { on: false, backups: { length: 1 } })
  t.equal((await verb('backup', ['off', '--discard'])).exit, 0)
  await json(t, 'backup')
  await inRepository('rm /var/lib/postgresql/kept.tar')
})

test('archiving that fails is seen, healed, and leaves nothing out of the archive', async (t) => {
  resetAfter(t)
  t.match(await verb('fault', ['archive', 'db-primary']), {
    exit: 1,
    stderr: /FAULT_MISFIT: .*\n.*the primary, if it archives/,
  })
  const poll = await pollOnBoth()
  await json(t, 'backup')
  for (const how of ['command', 'read-only']) {
    t.equal((await verb('fault', ['archive', 'db-primary', '--how', how])).exit, 0, how)
    t.match(await json(t, 'fault', 'list'), { faults: [{ kind: 'archive', node: 'db-primary' }] })
    await voteOn('db-primary', poll, how)
    await sql('db-primary', 'select pg_switch_wal()')
    await until('status to warn', { seconds: 20, patience }, async () => {
      const seen = (await verb('status')).stdout
      return /archiving fails, and nothing has arrived since .*segments? waits?.*backup\.ts check/.test(seen)
        ? { done: undefined }
        : { seen }
    })
    t.match(await json(t, 'status'), { healthy: true }, 'votes go on')
    const check = await verb('backup', ['check'], { LAB_PATIENCE: '0.1' })
    t.match(check, { exit: 1, stdout: /WAL does not arrive, since .*\d+ segments? waits?/ })
    t.match(await verb('fault', ['heal', 'archive']), { exit: 0, stdout: /healed: archive db-primary/ })
    t.match(await verb('backup', ['check']), { exit: 0, stdout: /no segment is missing/ })
  }
  t.match(await json(t, 'backup', 'list'), { archiver: { failsSince: null, waiting: 0 } })
})

test('a standby whose slot is lost gets from the archive what the primary has no more, and keeps its data', async (t) => {
  resetAfter(t)
  const poll = await pollOnBoth()
  await json(t, 'backup')
  await docker('stop', containerOf('db-replica'))
  const keepLittle = ['max_slot_wal_keep_size = 16', 'wal_keep_size = 0'].map((it) => `alter system set ${it}`)
  for (const statement of [...keepLittle, 'select pg_reload_conf()']) await sql('db-primary', statement)
  await voteOn('db-primary', poll, 'ann')
  for (let nth = 0; nth < 5; nth++) {
    await sql('db-primary', "select pg_logical_emit_message(false, 'x', repeat('x', 1000000))")
    await archiveNow('db-primary')
    await sql('db-primary', 'checkpoint')
  }
  t.equal(await sql('db-primary', "select wal_status from pg_replication_slots where slot_name = 'db_replica'"), 'lost')
  await docker('start', containerOf('db-replica'))
  const rejoined = await json(t, 'rejoin')
  t.match(rejoined, {
    standbys: [{ how: 'repaired', why: /slot on db-primary is lost/, divergedVotes: { length: 0 } }],
  })
  await untilHas('db-replica', `select string_agg(user_id, ' ') from vote where poll_id = '${poll}'`, 'ann')
  t.equal(await sql('db-replica', "select count(*) from pg_file_settings where name = 'restore_command'"), '0')
  t.match(await json(t, 'status'), { healthy: true })
})

test('WAL that a dead primary never archived is named when it comes back', async (t) => {
  resetAfter(t)
  const poll = await pollOnBoth()
  await json(t, 'backup')
  t.equal((await verb('fault', ['archive', 'db-primary'])).exit, 0)
  await voteOn('db-primary', poll, 'ann')
  const segment = await sql('db-primary', 'select pg_walfile_name(pg_current_wal_lsn())')
  await sql('db-primary', 'select pg_switch_wal()')
  await json(t, 'failover')
  const rejoined = await verb('rejoin')
  t.match(rejoined, { exit: 0, stdout: new RegExp(`never in the archive {2}${segment}`) })
})
