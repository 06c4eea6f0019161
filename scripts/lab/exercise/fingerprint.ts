import { containersOf } from '../docker/nodes.ts'
import { faultsIn } from '../faults/kinds.ts'
import { viewsOf } from '../faults/views.ts'
import { lookAtDatabases } from '../postgres/sights.ts'
import { ask } from '../postgres/sql.ts'
import { type DatabaseNode, type Lab, slotOf } from '../topology/topology.ts'

/** Everything in the lab that an exercise can change, as lines, without what always differs, such as ids and LSNs. */
export async function fingerprint(lab: Lab): Promise<readonly string[]> {
  const [containers, sights, views] = await Promise.all([
    containersOf(lab),
    lookAtDatabases(lab),
    // Without network faults: that look takes a second, and a reset ends them.
    viewsOf(lab, lab.nodes, ['container', 'database', 'manager']),
  ])
  const inside = await Promise.all(
    sights.map(async ({ node, facts }) => {
      if (facts === undefined) return []
      const { inRecovery, timeline, receiver, replayPaused, slots, standbys, chosenLevel } = facts
      const role = { inRecovery, timeline, receiver, replayPaused, chosenLevel }
      const others = {
        // Databases make their own slots on each other when their time has come.
        slots: slots
          .filter(({ name, active }) => active || !lab.databases.some((it) => slotOf(it) === name))
          .map(({ name, active }) => ({ name, active })),
        standbys: standbys.map(({ name }) => name),
      }
      return [`${node.name} is ${JSON.stringify({ ...role, ...others })}`, ...(await contentOf(lab, node))]
    }),
  )
  return [
    ...lab.nodes.map(({ name }, nth) => `${name} is ${containers[nth]?.state}`),
    ...faultsIn(views).map(({ kind, node, peer, way }) => `${node} has the fault ${kind} ${peer ?? ''} ${way ?? ''}`),
    ...inside.flat(),
  ]
}

const contentOf = async (lab: Lab, node: DatabaseNode): Promise<readonly string[]> =>
  (await ask(lab, node, CONTENT))
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => `${node.name} has ${line}`)

// Without votes of guests, who vote as long as an exercise lasts, and without test votes of a check.
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
