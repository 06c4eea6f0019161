// Every database has a slot for every other one, which moves on: the next primary has kept what a standby needs of it.
import { test } from 'tap'
import type { DatabaseName } from '../../scripts/lab/topology/topology.ts'
import { until } from '../../scripts/lab/wait.ts'
import {
  containerOf,
  docker,
  json,
  moveSlots,
  patience,
  pollOnBoth,
  resetAfter,
  slotsOf,
  sql,
  untilHas,
  verb,
  voteOn,
} from '../standbys/three.ts'

/** Every database of the lab, and the slots of the others there. */
const SLOTS: Readonly<Partial<Record<DatabaseName, string>>> = {
  'db-primary': 'db_replica db_replica_2 db_replica_3',
  'db-replica': 'db_primary db_replica_2 db_replica_3',
  'db-replica-2': 'db_primary db_replica db_replica_3',
  'db-replica-3': 'db_primary db_replica db_replica_2',
}
const ALL = Object.keys(SLOTS) as readonly DatabaseName[]

/** Writes WAL, and makes a checkpoint: from here on a primary needs only what comes after. */
const write = (node: DatabaseName, mebibytes: number) =>
  sql(
    node,
    `do $$ begin for mebibyte in 1..${mebibytes} loop perform pg_logical_emit_message(false, 'test', repeat('x', 1048576)); end loop; end $$;
     checkpoint`,
  )

const positionOf = (node: DatabaseName) => sql(node, 'select pg_current_wal_lsn()')

const untilReplayed = (node: DatabaseName, position: string) =>
  untilHas(node, `select pg_last_wal_replay_lsn() >= '${position}'`, 't')

/** A database keeps no more WAL than its slots and it itself need. A reset ends it. */
const keepLittle = (node: DatabaseName, ...settings: readonly string[]) => {
  const set = ['wal_keep_size = 0', 'min_wal_size = 32', ...settings].map((it) => `alter system set ${it};\n`)
  return sql(node, `${set.join('')}select pg_reload_conf()`)
}

test('each database has a slot for each other, and moves its own on: no more WAL is kept than somebody needs', async (t) => {
  await moveSlots(...ALL)
  for (const node of ALL) t.equal(await slotsOf(node), SLOTS[node])
  await write('db-primary', 40)
  const written = await positionOf('db-primary')
  for (const node of ALL.slice(1)) await untilReplayed(node, written)
  await moveSlots(...ALL)
  const { nodes } = await json(t, 'status')
  for (const { name, database } of nodes.slice(0, ALL.length))
    for (const slot of database.slots) t.ok(slot.retainedBytes < 2 ** 20, `${name}: ${JSON.stringify(slot)}`)
  t.notMatch((await verb('status')).stdout, /inactive/, 'of a standby only slots that say something are shown')
})

test('a database looks after its slots by itself, again and again', async (t) => {
  await moveSlots('db-replica-2')
  await sql('db-replica', "select pg_drop_replication_slot('db_replica_2')")
  await until('the slot to be there again', { seconds: 60, patience }, async () => {
    const seen = await slotsOf('db-replica')
    return seen.includes('db_replica_2') ? { done: undefined } : { seen }
  })
  t.pass()
})

test('a standby that was away during a failover streams from the new primary, which has kept the WAL for it', async (t) => {
  resetAfter(t)
  const poll = await pollOnBoth()
  await moveSlots(...ALL)
  for (const node of ALL) await keepLittle(node)
  await docker('stop', containerOf('db-replica-3'))
  await voteOn('db-primary', poll, 'ann')
  for (const _ of [1, 2, 3]) {
    await write('db-primary', 40)
    await untilReplayed('db-replica', await positionOf('db-primary'))
    // On a standby it is a restartpoint, which removes WAL too.
    await sql('db-replica', 'checkpoint')
  }
  await docker('kill', containerOf('db-primary'))
  await json(t, 'failover', '--to', 'db-replica')
  await voteOn('db-replica', poll, 'bob')
  await write('db-replica', 40)
  await docker('start', containerOf('db-replica-3'))
  const voters = `select string_agg(user_id, ' ' order by user_id) from vote where poll_id = '${poll}'`
  await untilHas('db-replica-3', voters, 'ann bob')
  const { standbys } = await json(t, 'rejoin')
  t.match(
    standbys.find(({ name }: { name: DatabaseName }) => name === 'db-replica-3'),
    { how: 'none' },
  )
})

test('of two primaries none moves its slot on the other: it would need WAL from before their histories parted', async (t) => {
  resetAfter(t)
  await moveSlots('db-primary')
  const restart = "select restart_lsn from pg_replication_slots where slot_name = 'db_primary'"
  const before = await sql('db-replica', restart)
  await sql('db-replica', 'select pg_promote()')
  for (const node of ['db-primary', 'db-replica'] as const) await write(node, 20)
  await moveSlots('db-primary')
  t.equal(await sql('db-replica', restart), before)
  t.not(await sql('db-replica-2', restart), before, 'on a standby it is moved')
})

test('a slot that is lost is made again', async (t) => {
  resetAfter(t)
  await moveSlots('db-replica-3')
  await keepLittle('db-replica', 'max_slot_wal_keep_size = 1')
  await docker('pause', containerOf('db-replica-3'))
  t.teardown(() => docker('unpause', containerOf('db-replica-3')).catch(() => ''))
  await write('db-primary', 40)
  await write('db-primary', 40)
  await untilReplayed('db-replica', await positionOf('db-primary'))
  await sql('db-replica', 'checkpoint')
  const state = "select wal_status from pg_replication_slots where slot_name = 'db_replica_3'"
  t.equal(await sql('db-replica', state), 'lost')
  await docker('unpause', containerOf('db-replica-3'))
  await moveSlots('db-replica-3', 'db-replica-3')
  t.equal(await sql('db-replica', state), 'reserved')
})
