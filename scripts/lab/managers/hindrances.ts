import { act } from '../docker/command.ts'
import { logOf } from '../docker/log.ts'
import type { Container } from '../docker/nodes.ts'
import { ADMITTING } from '../postgres/observe.ts'
import type { Answering, Sight } from '../postgres/sights.ts'
import { dropLostSlot, slotStatements } from '../postgres/slots.ts'
import { change } from '../postgres/sql.ts'
import { moveTo } from '../postgres/upstream.ts'
import { DATA, type Mending } from '../rules/causes.ts'
import { type Hindrance, hindranceOf } from '../rules/hindrance.ts'
import type { Due } from '../rules/upstreams.ts'
import type { Tell } from '../steps.ts'
import type { DatabaseNode, Lab } from '../topology/topology.ts'
import { MANAGERS, othersOf, slotOf } from '../topology/topology.ts'

/** Seconds, before `patience`: what keeps a database from following is logged at least once in this time. */
const LOG_SECONDS = 15

/** Finds out what keeps a database from following whom it has to, or from running. It reads the log, which needs no process. */
export async function hindranceSeen(
  lab: Lab,
  { node, facts, unreachable }: Sight,
  container: Container,
  { upstream, lost }: Due,
): Promise<Hindrance | undefined> {
  const log = await logOf(node, container, LOG_SECONDS * lab.settings.patience)
  const others = othersOf(lab, node)
  // Without a primary it is about the one that it follows itself.
  const own = others.find(({ name }) => name === facts?.upstream)
  const [other = node] = others
  const found = hindranceOf({
    node,
    upstream: upstream?.node ?? own ?? other,
    own: facts,
    sender: upstream?.facts,
    lost,
    log,
    image: container.image,
    refusal: unreachable ?? '',
  })
  if (found === undefined || found.mending === 'hand' || !MANAGERS[lab.settings.manager].rejoins) return found
  // The manager makes slots, rewinds and copies by itself.
  return { ...found, passes: true }
}

/** A database, the one that it has to follow, and the primary, which may be the same. */
export type Roles = { readonly node: DatabaseNode; readonly upstream: Answering; readonly primary: Answering }

/** Ways to make a database follow again without touching its data. Afterwards it may still need a rewind or a copy. */
export const IN_PLACE: Readonly<Partial<Record<Mending, (tell: Tell, roles: Roles) => Promise<unknown>>>> = {
  wait: async () => {},
  // At the start of a node start.sh raises the settings that its WAL needs.
  restart: (tell, { node }) => act(tell, ['restart', node.container]),
  // It may not run: what it has replayed so far may be all that it can.
  slot: (tell, { node, upstream }) => change(tell, upstream.node, ...slotStatements(node)),
  settings: async (tell, { node, upstream }) => {
    await change(tell, upstream.node, ...slotStatements(node))
    const settings = FOLLOWING.map((setting) => `alter system reset ${setting}`)
    await unedit(tell, node, FOLLOWING)
    await change(tell, node, ...settings, 'select pg_reload_conf()')
  },
  holder: (tell, { node, upstream }) =>
    change(
      tell,
      upstream.node,
      `select pg_terminate_backend(active_pid) from pg_replication_slots where slot_name = '${slotOf(node)}' and active_pid not in
       (select pid from pg_stat_replication where application_name = '${node.name}')`,
    ),
  admit: async (tell, { primary: { node } }) => {
    // Who sets wal_level = minimal has to switch archive_mode off, too.
    const settings = [...ADMITTING, 'archive_mode']
    await unedit(tell, node, settings)
    await change(tell, node, ...settings.map((setting) => `alter system reset ${setting}`))
    await act(tell, ['restart', node.container])
  },
  point: (tell, { node, upstream }) => moveTo(tell, node, upstream.node),
  role: (tell, { primary }) => act(tell, ['exec', primary.node.container, 'bash', '-c', GIVE_ROLE_BACK]),
}

/** A standby that gets from the archive what its upstream has no more, and then streams again. It keeps its data. */
export async function catchUp(tell: Tell, { node, upstream }: Roles): Promise<void> {
  await change(tell, upstream.node, ...dropLostSlot(node), ...slotStatements(node))
  await change(tell, node, `alter system set restore_command = 'pgbackrest --stanza=lab archive-get %f "%p"'`)
  // Before version 14 only a restart takes it.
  await act(tell, ['restart', node.container])
}

/** It needs the archive no longer: it would ask it each time that it loses its upstream. */
export const caughtUp = (tell: Tell, { node }: Roles): Promise<string> =>
  change(tell, node, 'alter system reset restore_command', 'select pg_reload_conf()')

const FOLLOWING = ['primary_conninfo', 'primary_slot_name'] as const

/** Removes settings that somebody has put into the postgresql.conf of the data, which ALTER SYSTEM does not change. */
const unedit = (tell: Tell, { container }: DatabaseNode, settings: readonly string[]): Promise<unknown> =>
  act(tell, ['exec', container, 'sed', '-Ei', `/^ *(${settings.join('|')})\\b/d`, `${DATA}/postgresql.conf`])

// As roles.sql makes it. The password is read inside the container, so it is in no command that is shown.
const GIVE_ROLE_BACK = `psql -XAtq -v ON_ERROR_STOP=1 -d postgres -f - <<SQL
select 'create role replicator' where not exists (select from pg_roles where rolname = 'replicator')\\gexec
alter role replicator login replication password '$(</run/secrets/replicator)' valid until 'infinity';
grant execute on function pg_ls_dir(text, boolean, boolean), pg_stat_file(text, boolean), pg_read_binary_file(text),
  pg_read_binary_file(text, bigint, bigint, boolean) to replicator;
SQL`
