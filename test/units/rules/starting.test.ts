import { test } from 'tap'
import type { Data, Holder } from '../../../scripts/lab/postgres/data.ts'
import { startingOf } from '../../../scripts/lab/rules/starting.ts'
import { readSettings } from '../../../scripts/lab/settings.ts'
import { labOf } from '../../../scripts/lab/topology/topology.ts'
import { data } from './lab.ts'

const [first, second] = labOf(readSettings({})).databases
if (first === undefined || second === undefined) throw new Error('a lab has two databases')

const primary = (timeline: number): Data => data('primary', timeline)
const is = (what: Exclude<Data['is'], 'primary'>): Data => data(what)

/** What is decided of db-primary and db-replica, in words. */
function decided(one: Data, other: Data, states: readonly [Holder['state'], Holder['state']] = ['exited', 'exited']) {
  const starting = startingOf([
    { node: first as Holder['node'], state: states[0], data: one },
    { node: second as Holder['node'], state: states[1], data: other },
  ])
  const names = (nodes: readonly Holder['node'][]) => nodes.map(({ name }) => name.replace('db-', '')).join(' ')
  return [
    `go on: ${names(starting.goOn)}`,
    ...(starting.fresh.length > 0 ? [`fresh: ${names(starting.fresh)}`] : []),
    ...(starting.copy.length > 0 ? [`copy: ${names(starting.copy.map(({ node }) => node))}`] : []),
    ...(starting.refusal === undefined ? [] : [`${starting.refusal.code} ${starting.refusal.message.split(' ')[0]}`]),
  ].join(', ')
}

test('a primary and its standby start, whoever is which, and whoever runs already', async (t) => {
  t.equal(decided(primary(1), is('standby')), 'go on: primary replica')
  t.equal(decided(is('standby'), primary(2), ['running', 'running']), 'go on: primary replica')
  t.equal(decided(is('follower'), primary(2), ['exited', 'running']), 'go on: primary replica')
})

test('of two primaries the one on the lower timeline stays down, whether the other runs or not', async (t) => {
  for (const state of ['running', 'exited'] as const)
    t.equal(decided(primary(1), primary(2), ['exited', state]), 'go on: replica, WOULD_SPLIT db-primary')
  t.equal(decided(primary(3), primary(2), ['running', 'exited']), 'go on: primary, WOULD_SPLIT db-replica')
  t.equal(decided(primary(1), primary(2), ['paused', 'running']), 'go on: replica, WOULD_SPLIT db-primary', 'nor thaws')
  t.equal(decided(primary(2), primary(2), ['exited', 'running']), 'go on: replica, WOULD_SPLIT db-primary')
})

test('a fenced one stays down, and the other starts, so that a rejoin finds it', async (t) => {
  t.equal(decided(is('fenced'), primary(2)), 'go on: replica, FENCED db-primary')
  t.equal(decided(is('fenced'), is('standby')), 'go on: replica, FENCED db-primary')
  t.equal(decided(is('fenced'), is('nothing')), 'go on: , FENCED db-primary')
})

test('without any data both start with the prepared data, also after an earlier run was interrupted', async (t) => {
  t.equal(decided(is('nothing'), is('nothing')), 'go on: , fresh: primary replica')
  t.equal(decided(is('fresh'), is('nothing')), 'go on: primary, fresh: replica')
  t.equal(decided(is('fresh'), is('standby'), ['exited', 'running']), 'go on: primary replica')
})

test('one that has no data is copied from a primary, and never begins beside data of the other', async (t) => {
  t.equal(decided(is('nothing'), primary(2), ['created', 'running']), 'go on: replica, copy: primary')
  t.equal(decided(primary(1), is('nothing'), ['exited', 'created']), 'go on: primary, copy: replica')
  t.equal(decided(is('nothing'), is('standby')), 'go on: replica, NOTHING_TO_COPY db-primary')
  t.equal(decided(is('follower'), is('nothing')), 'go on: primary, NOTHING_TO_COPY db-replica')
})
