import { test } from 'tap'
import type { Down } from '../../../scripts/lab/postgres/data.ts'
import type { Facts } from '../../../scripts/lab/postgres/observe.ts'
import { type Sight, sightOf } from '../../../scripts/lab/postgres/sights.ts'
import { membersOf } from '../../../scripts/lab/rules/members.ts'
import { neededOf } from '../../../scripts/lab/rules/needed.ts'
import { readSettings } from '../../../scripts/lab/settings.ts'
import { type DatabaseName, labOf } from '../../../scripts/lab/topology/topology.ts'
import { ALONE } from './facts.ts'
import { data } from './lab.ts'

const { databases } = labOf(readSettings({ LAB_STANDBYS: '3' }))
const goes = databases.slice(2)

/** What is found if the last two of four databases are to go. */
function found(seen: Readonly<Partial<Record<DatabaseName, Partial<Facts> | 'exited' | 'absent'>>>, down: Down = {}) {
  const sights = databases.map((node): Sight => {
    const it = seen[node.name]
    return typeof it === 'string'
      ? sightOf(node, it, undefined)
      : sightOf(node, 'running', { ...ALONE, inRecovery: true, ...it })
  })
  return neededOf(databases.slice(0, 2), goes, membersOf(sights), down)
}

const PRIMARY = { inRecovery: false }
const streaming = (...names: readonly DatabaseName[]) =>
  names.map((name) => ({ name, state: 'streaming', sync: 'sync', replayLagSeconds: null }))
const waiting = (chosenLevel: string, names: string, ...standbys: readonly DatabaseName[]): Partial<Facts> => ({
  ...PRIMARY,
  chosenLevel,
  synchronousStandbys: names,
  standbys: streaming(...standbys),
})

test('standbys go if the primary stays and no commit needs them, whether or not they run', async (t) => {
  t.equal(found({ 'db-primary': PRIMARY }), undefined)
  const down = { 'db-replica-2': data('standby'), 'db-replica-3': data('nothing') }
  t.equal(found({ 'db-primary': PRIMARY, 'db-replica-2': 'exited', 'db-replica-3': 'exited' }, down), undefined)
  t.equal(found({ 'db-primary': waiting('on any 1', 'ANY 1 (…)', 'db-replica', 'db-replica-3') }), undefined)
})

test('one that a standby follows stays, and so does a direct one that a quorum needs', async (t) => {
  const one = { 'db-primary': PRIMARY, 'db-replica': { upstream: 'db-replica-3' } }
  t.match(found(one), {
    node: 'db-replica-3',
    why: 'is the upstream of db-replica',
    remedy: /replication\.ts follow db-replica db-primary points/,
  })
  t.equal(found({ 'db-primary': PRIMARY, 'db-replica-3': { upstream: 'db-replica-2' } }), undefined, 'both go')
})

test('one that takes writes stays; beside another primary it is brought back first, alone it gives the role away', async (t) => {
  const names = { node: 'db-replica-3', why: 'takes writes, as another database does', remedy: /scripts\/rejoin\.ts/ }
  for (const timeline of [1, 2])
    t.match(found({ 'db-primary': PRIMARY, 'db-replica-3': { ...PRIMARY, timeline } }), names, `timeline ${timeline}`)
  t.match(found({ 'db-replica-2': { ...PRIMARY, standbys: streaming('db-replica-3', 'db-replica') } }), {
    node: 'db-replica-2',
    why: 'is the primary',
    remedy: /^zx scripts\/switchover\.ts db-replica makes db-replica the primary$/,
  })
})

test('one that may have votes of its own stays', async (t) => {
  const seen = { 'db-primary': PRIMARY, 'db-replica-2': 'exited' } as const
  for (const is of ['fenced', 'primary'] as const)
    t.match(found(seen, { 'db-replica-2': data(is) }), { node: 'db-replica-2', remedy: /scripts\/rejoin\.ts/ }, is)
  t.match(found({ ...seen, 'db-replica-2': 'absent' }), { why: /has no container/, remedy: /scripts\/setup\.ts/ })
  t.match(found({ 'db-primary': 'exited' }), { node: 'db-replica-2', why: /no database is the primary/ })
  const unused = { 'db-replica-2': data('fresh'), 'db-replica-3': data('nothing') }
  t.equal(found({ 'db-primary': 'exited', 'db-replica-2': 'exited', 'db-replica-3': 'exited' }, unused), undefined)
})

test('one that commits wait for first stays until another rule is chosen', async (t) => {
  const all = ['db-replica', 'db-replica-2', 'db-replica-3'] as const
  t.match(found({ 'db-primary': waiting('on first db-replica-3', 'FIRST 1 (…)', ...all) }), {
    node: 'db-replica-3',
    why: 'is the one that commits wait for at on first db-replica-3',
    remedy: /^zx scripts\/replication\.ts on lets them wait for the others/,
  })
  t.match(found({ 'db-primary': waiting('remote_apply first db-replica-2', '') }), { node: 'db-replica-2' })
  t.equal(found({ 'db-primary': waiting('on first db-replica', 'FIRST 1 (…)', ...all) }), undefined)
  t.equal(found({ 'db-primary': waiting('on first db-primary', 'FIRST 1 (…)', ...all) }), undefined)
})

test('one without which commits would hang stays, and each case has its own way out', async (t) => {
  t.match(found({ 'db-primary': waiting('on any 2', 'ANY 2 (…)', 'db-replica', 'db-replica-2') }), {
    node: 'db-replica-2',
    why: /a commit waits for any 2 standbys/,
    remedy: /scripts\/replication\.ts on --quorum 1 /,
  })
  t.match(found({ 'db-primary': waiting('on', 'FIRST 1 (…)', 'db-replica-2') }), {
    node: 'db-replica-2',
    why: /only standby that commits at on can wait for/,
    remedy: /scripts\/replication\.ts async/,
  })
})
