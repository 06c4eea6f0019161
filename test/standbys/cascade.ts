// What tests of a cascade start from: who follows whom, and who receives.
import type { Test } from 'tap'
import { type DatabaseName, endpointOf } from '../../scripts/lab/topology/topology.ts'
import { client, json, lab, sql } from './three.ts'

/** Who streams from a database, by name. */
export const receiversOf = (node: DatabaseName) =>
  sql(
    node,
    "select string_agg(application_name, ' ' order by application_name) from pg_stat_replication where state = 'streaming'",
  )

export const follow = (t: Test, node: DatabaseName, upstream: DatabaseName) =>
  json(t, 'replication', 'follow', node, upstream)

/** The database that each standby follows, by status; the lab has to be healthy. */
export async function tree(t: Test): Promise<Readonly<Record<string, string>>> {
  const { healthy, nodes } = await json(t, 'status')
  t.equal(healthy, true)
  return Object.fromEntries(
    nodes.flatMap(({ name, database }: { name: string; database: { upstream: string | null } | null }) =>
      database?.upstream ? [[name, database.upstream]] : [],
    ),
  )
}

/** A tree in which one standby follows another one. */
export const CHAIN = { 'db-replica': 'db-primary', 'db-replica-2': 'db-replica', 'db-replica-3': 'db-primary' }

/** Votes one after the other, through the balancer, until it is stopped; then it tells who voted, and which answers were others. */
export function voting(poll: string) {
  const it = client(endpointOf(lab, lab.loader) ?? '')
  const acknowledged: string[] = []
  const failed: string[] = []
  let goesOn = true
  const ended = (async () => {
    for (let nth = 0; goesOn; nth++) {
      const answer = await it.castVote({ uuid: poll, userID: `u${nth}`, select_options: 'a' })
      const said = 'ok' in answer ? answer.ok.status : answer.details
      if (said === 'Vote Successfully!') acknowledged.push(`u${nth}`)
      else failed.push(said)
    }
  })()
  return {
    stop: async () => {
      goesOn = false
      await ended
      it.close()
      return { acknowledged, failed }
    },
  }
}
