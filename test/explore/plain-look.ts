// A look at a lab without the lab's code: plain `docker` and `psql`, for tests that compare what the lab says with it.
import { attempt } from '../../scripts/lab/docker/command.ts'
import type { Lab, Node } from '../../scripts/lab/topology/topology.ts'

export type Seen = {
  /** State of the container with the node's name; `absent` if there is none. */
  readonly state: string
  readonly onNetwork: boolean
  readonly restartPolicy: string
  readonly networks: readonly string[]
  /** Whether a database says that it is in recovery; undefined if it says nothing. */
  readonly inRecovery: boolean | undefined
  /** Who streams from it. */
  readonly standbys: readonly string[]
}

const QUESTION = `select pg_is_in_recovery(), coalesce((select string_agg(application_name, ',') from pg_stat_replication where state = 'streaming'), '')`

export async function plainLook(lab: Lab): Promise<Readonly<Record<string, Seen>>> {
  const seen = await Promise.all(lab.nodes.map(async (node) => [node.name, await lookAt(lab, node)] as const))
  return Object.fromEntries(seen)
}

async function lookAt(lab: Lab, { container, kind }: Node): Promise<Seen> {
  const inspected = await attempt(['container', 'inspect', container])
  const [it] = inspected.exit === 0 ? JSON.parse(inspected.stdout) : []
  // Somebody else's container is none of the lab's.
  if (it?.Config.Labels?.['failover-lab.lab'] !== lab.name)
    return { state: 'absent', onNetwork: false, restartPolicy: '', networks: [], inRecovery: undefined, standbys: [] }
  const networks = Object.keys(it.NetworkSettings.Networks)
  const answer = kind === 'database' && it.State.Status === 'running' ? await question(container) : undefined
  const [recovering, standbys = ''] = answer?.split('|') ?? []
  return {
    state: it.State.Status,
    onNetwork: networks.includes(lab.network),
    restartPolicy: it.HostConfig.RestartPolicy.Name,
    networks,
    inRecovery: recovering === undefined ? undefined : recovering === 't',
    standbys: standbys.split(',').filter((name) => name !== ''),
  }
}

async function question(container: string): Promise<string | undefined> {
  const asked = await attempt(['exec', container, 'timeout', '5', 'psql', '-XAtqd', 'polling', '-c', QUESTION])
  return asked.exit === 0 ? asked.stdout : undefined
}

/** Names of all containers of the lab, whatever they are called, whose database is out of recovery. */
export async function writable(lab: Lab): Promise<readonly string[]> {
  const { stdout } = await attempt(['ps', '--filter', `label=failover-lab.lab=${lab.name}`, '--format', '{{.Names}}'])
  const found = await Promise.all(
    stdout
      .split('\n')
      .filter((name) => name.includes('db-'))
      .map(async (name) => ((await question(name))?.startsWith('f') ? [name] : [])),
  )
  return found.flat()
}
