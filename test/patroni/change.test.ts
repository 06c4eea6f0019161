// The manager of a lab is changed, in both directions.
import { test } from 'tap'
import { json, pollOnBoth, untilHas, voteGetsThrough, votersOn } from '../recovery/scene.ts'
import { resetAfter, setUp, verb } from '../the-lab.ts'

const changeTo = (manager: string): Promise<void> => setUp({ LAB_MANAGER: manager })

test('setup changes the manager in both directions; votes, roles and the durability level stay', async (t) => {
  resetAfter(t)
  t.teardown(() => changeTo('scripted'))
  const poll = await pollOnBoth()
  await json(t, 'switchover')
  await json(t, 'replication', 'on')
  await voteGetsThrough(t, poll, 'ann')
  await changeTo('patroni')
  const managed = { healthy: true, primaries: ['db-replica'], durability: 'on' }
  t.match(await json(t, 'status'), { ...managed, manager: { name: 'patroni', view: { leader: 'db-replica' } } })
  await voteGetsThrough(t, poll, 'bob')
  await json(t, 'switchover')
  await changeTo('scripted')
  const status = await json(t, 'status')
  t.match(status, {
    healthy: true,
    primaries: ['db-primary'],
    durability: 'on',
    manager: { name: 'scripted', view: null },
  })
  t.equal(status.nodes.length, 5)
  await voteGetsThrough(t, poll, 'cid')
  t.equal(await votersOn('db-primary', poll), 'ann bob cid')
  t.equal((await verb('fault', ['crash', 'db-primary'])).exit, 0)
  t.match(await json(t, 'failover'), { promoted: 'db-replica', lost: { bytes: 0 } })
  await json(t, 'rejoin')
  await untilHas(
    'db-primary',
    `select string_agg(user_id, ' ' order by user_id) from vote where poll_id = '${poll}'`,
    'ann bob cid',
  )
})

test('the manager is not changed while a standby is away, and nothing is stopped', async (t) => {
  resetAfter(t)
  t.equal((await verb('fault', ['crash', 'db-replica'])).exit, 0)
  t.match(await verb('setup', [], { LAB_MANAGER: 'patroni' }), {
    exit: 1,
    stderr:
      /MANAGER_UNCHANGED: .* goes on with scripted: .*db-replica.*\n.*LAB_MANAGER=scripted zx scripts\/setup.ts brings them up/,
  })
  const { stdout } = await verb('status', ['--json'])
  t.match(JSON.parse(stdout), { primaries: ['db-primary'], manager: { name: 'scripted' } }, 'the primary goes on')
})
