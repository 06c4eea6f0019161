// What failover tests start from: a poll, votes on chosen nodes, and a way back.
import { randomUUID } from 'node:crypto'
import type { Test } from 'tap'
import type { DatabaseName } from '../../scripts/lab/topology/topology.ts'
import { type LabStatus, statusOf } from '../../scripts/lab/verbs/status.ts'
import { until } from '../../scripts/lab/wait.ts'
import { client } from '../grpc.ts'
import { addressOf, failureOf, lab, patience, sql, verb } from '../the-lab.ts'

/** Runs a verb that has to succeed, and gives what it printed as JSON. */
export async function json(t: Test, name: string, ...args: readonly string[]) {
  const ran = await verb(name, [...args, '--json'])
  t.equal(ran.exit, 0, failureOf(ran))
  return JSON.parse(ran.stdout || 'null')
}

/** A poll that both databases have. */
export async function pollOnBoth(): Promise<string> {
  const id = randomUUID()
  await sql('db-primary', `insert into poll (id, question, options) values ('${id}', 'Who?', '{a,b}')`)
  await untilHas('db-replica', `select count(*) from poll where id = '${id}'`, '1')
  return id
}

/** Votes written on one node, past the service. */
export const voteOn = (node: DatabaseName, poll: string, ...users: readonly string[]): Promise<string> =>
  sql(
    node,
    `insert into vote (poll_id, user_id, option) values ${users.map((user) => `('${poll}', '${user}', 1)`).join(', ')}`,
  )

export const votersOn = (node: DatabaseName, poll: string): Promise<string> =>
  sql(node, `select string_agg(user_id, ' ' order by user_id) from vote where poll_id = '${poll}'`)

export const untilHas = (node: DatabaseName, query: string, wanted: string): Promise<void> =>
  until(`${wanted} from ${query} on ${node}`, { seconds: 10, patience }, async () => {
    // It may be just starting.
    const seen = await sql(node, query).catch((error: unknown) => String(error))
    return seen === wanted ? { done: undefined } : { seen }
  })

/** A standby hears no more of the primary. */
export async function cutOff(standby: DatabaseName = 'db-replica'): Promise<void> {
  await sql(standby, "alter system set primary_conninfo = ''")
  await sql(standby, 'select pg_reload_conf()')
  for (const { name } of lab.databases)
    if (name !== standby) await untilHas(name, 'select count(*) from pg_stat_replication', '0')
}

/** A vote through the balancer by a client that tries again for a while. */
export async function voteGetsThrough(t: Test, poll: string, user: string): Promise<void> {
  const it = client(addressOf('loader'))
  t.teardown(it.close)
  const vote = { uuid: poll, userID: user, select_options: 'a' }
  const status = await until('a vote to be answered', { seconds: 10, patience }, async () => {
    const answer = await it.castVote(vote)
    return 'ok' in answer ? { done: answer.ok.status } : { seen: answer.details }
  })
  t.equal(status, 'Vote Successfully!')
}

const problemOf = ({ nodes }: LabStatus, node: DatabaseName) => nodes.find(({ name }) => name === node)?.problem ?? ''

/** Waits until status says what is wrong with a database, and that the lab is not healthy. */
export const untilSaid = (node: DatabaseName, what: RegExp) =>
  until(`${what} of ${node}`, { seconds: 20, patience }, async () => {
    const status = await statusOf(lab)
    const problem = problemOf(status, node)
    return what.test(problem) && !status.healthy ? { done: status } : { seen: problem || 'healthy' }
  })

/** Rejoin brings the standby back, says how and why, and loses nothing. */
export async function mended(t: Test, how: object) {
  const done = await json(t, 'rejoin')
  t.match(done, { standbys: [{ name: 'db-replica', ...how, divergedVotes: [] }] })
  t.match(await json(t, 'status'), { healthy: true })
}
