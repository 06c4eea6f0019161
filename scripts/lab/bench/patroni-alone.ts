import pg from 'pg'
import { act, attempt, look } from '../docker/command.ts'
import { type Images, imagesOf } from '../docker/images.ts'
import { beginAgain, interruption } from '../interruption.ts'
import type { Lab } from '../topology/topology.ts'
import { until } from '../wait.ts'

/** Three stores and two databases with Patroni, and nothing of the lab but its images: no servers, balancer, passwords or verbs. */
export type Alone = {
  /** The container of the primary, when a standby streams from it. */
  readonly primary: () => Promise<string>
  /** Replaces a database by a new one, which becomes a standby. */
  readonly renew: (container: string) => Promise<void>
  /** Writes at a fixed pace, without waiting for earlier ones. */
  readonly writes: () => Writes
}

export type Writes = {
  /** When a write that began after `since` was acknowledged, by another database than that one; milliseconds since the epoch. */
  readonly acknowledgedAfter: (since: number, not: string) => number | undefined
  readonly stop: () => Promise<void>
}

const STORES = ['etcd-1', 'etcd-2', 'etcd-3']
const DATABASES = ['db-1', 'db-2']
const PACE_MS = 20
/** A write that meets a dead primary ends after this time, as a vote does in the lab's benchmark. */
const DEADLINE_MS = 2000

/** Patroni's example for containers, with the lab's lease. */
const configOf = (name: string): string => `
scope: alone
name: ${name}
restapi: {listen: '0.0.0.0:8008', connect_address: '${name}:8008'}
etcd3: {hosts: '${STORES.map((store) => `${store}:2379`).join(',')}'}
bootstrap:
  dcs:
    ttl: 20
    loop_wait: 1
    retry_timeout: 3
    primary_start_timeout: 0
    postgresql: {use_pg_rewind: true, use_slots: true}
  initdb: [encoding: UTF8, data-checksums]
postgresql:
  listen: '*:5432'
  connect_address: ${name}:5432
  data_dir: /tmp/data
  bin_dir: $BIN
  pgpass: /tmp/pgpass
  pg_hba: ['local all all trust', 'host all all all trust', 'host replication all all trust']
  authentication: {superuser: {username: postgres}, replication: {username: replicator}}`

const etcdCommand = (name: string): readonly string[] => [
  ...['etcd', '--name', name, '--data-dir', '/tmp/etcd', '--initial-cluster-state', 'new'],
  ...['--listen-client-urls', 'http://0.0.0.0:2379', '--advertise-client-urls', `http://${name}:2379`],
  ...['--listen-peer-urls', 'http://0.0.0.0:2380', '--initial-advertise-peer-urls', `http://${name}:2380`],
  ...['--initial-cluster', STORES.map((store) => `${store}=http://${store}:2380`).join(), '--log-level', 'warn'],
]

/** Starts Patroni alone beside a lab, and removes it whatever happens. */
export async function withPatroniAlone<T>(lab: Lab, use: (alone: Alone) => Promise<T>): Promise<T> {
  const network = `${lab.name}-alone`
  const containerOf = (name: string) => `${network}-${name}`
  try {
    const images = await imagesOf(lab.settings)
    await startAll(network, containerOf, images)
    const alone = aloneIn(lab, containerOf, (name) => startDatabase(network, containerOf(name), name, images))
    await act(() => {}, ['exec', await alone.primary(), 'psql', '-qc', 'create table vote (at timestamptz)'])
    return await use(alone)
  } catch (error) {
    throw interruption.signal.aborted ? interruption.signal.reason : error
  } finally {
    if (interruption.signal.aborted) beginAgain()
    await attempt(['rm', '-fv', ...[...STORES, ...DATABASES].map(containerOf)])
    await attempt(['network', 'rm', network])
  }
}

async function startAll(network: string, containerOf: (name: string) => string, images: Images): Promise<void> {
  if (images.store === undefined) throw new Error('a lab without stores')
  await act(() => {}, ['network', 'create', network])
  for (const name of STORES) await run(network, containerOf(name), name, images.store, etcdCommand(name))
  for (const name of DATABASES) await startDatabase(network, containerOf(name), name, images)
}

function startDatabase(network: string, container: string, name: string, { database }: Images): Promise<string> {
  const script = `cat >/tmp/patroni.yml <<YML\n${configOf(name)}\nYML\nexec patroni /tmp/patroni.yml`
  return run(network, container, name, database, ['bash', '-c', script])
}

function run(
  network: string,
  container: string,
  name: string,
  { tag }: Images['database'],
  command: readonly string[],
): Promise<string> {
  const as = ['--name', container, '--network', network, '--network-alias', name, '--no-healthcheck']
  return act(() => {}, ['run', '-d', '--restart', 'no', ...as, tag, ...command])
}

const ROLE = `select pg_is_in_recovery() or not exists (select from pg_stat_replication where state = 'streaming')`

function aloneIn(lab: Lab, containerOf: (name: string) => string, start: (name: string) => Promise<unknown>): Alone {
  const { patience } = lab.settings
  return {
    primary: () =>
      until('a primary of Patroni alone, with a standby that streams', { seconds: 90, patience }, async () => {
        for (const container of DATABASES.map(containerOf)) {
          const { stdout } = await attempt(['exec', container, 'psql', '-XAtc', ROLE])
          if (stdout.trim() === 'f') return { done: container }
        }
        return { seen: 'none' }
      }),
    async renew(container) {
      await act(() => {}, ['rm', '-fv', container])
      await start(DATABASES.find((name) => containerOf(name) === container) ?? '')
    },
    writes: () => startWrites(DATABASES.map(containerOf)),
  }
}

/** Tries both databases at each step: only a primary takes the write. */
function startWrites(containers: readonly string[]): Writes {
  const acknowledged: { readonly began: number; readonly at: number; readonly by: string }[] = []
  const pools = containers.map((container) => poolOf(container))
  const write = async (container: string, pool: Promise<pg.Pool>) => {
    const began = Date.now()
    try {
      await (await pool).query('insert into vote values (now())')
      acknowledged.push({ began, at: Date.now(), by: container })
    } catch {
      // A standby refuses it, and a database that is down does not answer.
    }
  }
  const timer = setInterval(() => {
    for (const [nth, pool] of pools.entries()) void write(containers[nth] ?? '', pool)
  }, PACE_MS)
  return {
    acknowledgedAfter: (since, not) => acknowledged.find(({ began, by }) => began > since && by !== not)?.at,
    async stop() {
      clearInterval(timer)
      await Promise.all(pools.map(async (pool) => (await pool).end()))
    },
  }
}

async function poolOf(container: string): Promise<pg.Pool> {
  const host = await look(['inspect', '-f', '{{range .NetworkSettings.Networks}}{{.IPAddress}}{{end}}', container])
  const deadlines = { connectionTimeoutMillis: DEADLINE_MS, query_timeout: DEADLINE_MS }
  const pool = new pg.Pool({ host, user: 'postgres', database: 'postgres', max: 8, ...deadlines })
  // A connection that breaks while nobody uses it.
  pool.on('error', () => {})
  return pool
}
