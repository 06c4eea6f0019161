import { containersOf } from '../docker/nodes.ts'
import { faultsIn } from '../faults/kinds.ts'
import { viewsOf } from '../faults/views.ts'
import { lookAtDatabases } from '../postgres/sights.ts'
import { ask } from '../postgres/sql.ts'
import type { DatabaseNode, Lab } from '../topology/topology.ts'

/** All of the lab that an exercise brings about, in lines; what is different in any two labs, as ids and LSNs are, is left out. */
export async function fingerprint(lab: Lab): Promise<readonly string[]> {
  const [containers, sights, views] = await Promise.all([
    containersOf(lab),
    lookAtDatabases(lab),
    // Not on the network, whose look takes a second: with its nodes a reset renews that too.
    viewsOf(lab, lab.nodes, ['container', 'database']),
  ])
  const inside = await Promise.all(
    sights.map(async ({ node, facts }) => {
      if (facts === undefined) return []
      const { inRecovery, timeline, receiver, replayPaused, slots, standbys, chosenLevel } = facts
      const role = { inRecovery, timeline, receiver, replayPaused, chosenLevel }
      const others = {
        slots: slots.map(({ name, active }) => ({ name, active })),
        standbys: standbys.map(({ name }) => name),
      }
      return [`${node.name} is ${JSON.stringify({ ...role, ...others })}`, ...(await contentOf(lab, node))]
    }),
  )
  return [
    ...lab.nodes.map(({ name }, nth) => `${name} is ${containers[nth]?.state}`),
    ...faultsIn(views).map(({ kind, node, peer, way }) => `${node} suffers ${kind} ${peer ?? ''} ${way ?? ''}`),
    ...inside.flat(),
  ]
}

const contentOf = async (lab: Lab, node: DatabaseNode): Promise<readonly string[]> =>
  (await ask(lab, node, CONTENT))
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => `${node.name} has ${line}`)

// Guests come as long as an exercise lasts, and a check may try a vote.
const CONTENT = `
  set track_counts = off;
  select 'the setting ' || name || ' = ' || setting from pg_file_settings where sourcefile like '%postgresql.auto.conf'
  union all
  select 'the poll ' || question || ' ' || options::text || ' with ' || coalesce(
    (select string_agg(user_id || '=' || option, ' ' order by user_id) from vote where poll_id = id and user_id not like all (array['guest-%', 'check-%'])), 'no votes')
  from poll
  union all
  select 'the table ' || oid::regclass from pg_class where relkind = 'r' and relnamespace = 'public'::regnamespace
  order by 1`
