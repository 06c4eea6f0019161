import { z } from 'zod'
import { execIn } from '../../docker/exec.ts'
import { containersOf } from '../../docker/nodes.ts'
import { labError } from '../../errors.ts'
import type { Lab } from '../../topology/topology.ts'

/** What Patroni says of the databases, as far as one of them can be asked. */
export type PatroniView = {
  /** Who has the lease; null if nobody has it. */
  readonly leader: string | null
  readonly members: readonly {
    readonly name: string
    readonly role: string
    readonly state: string
    readonly timeline: number | null
    /** Whether a setting waits for a restart. */
    readonly pendingRestart: boolean
    /** From its own configuration file: `nofailover` and others. */
    readonly tags: Readonly<Record<string, unknown>>
  }[]
  /** In a pause nobody is promoted, whatever dies. */
  readonly paused: boolean
  /** Seconds: how long a lease lasts, from one look to the next, and how long the stores may give no answer. */
  readonly ttl: number
  readonly loopWait: number
  readonly retryTimeout: number
  /** Whether a leader goes on if all members answer it, although the stores do not. */
  readonly failsafe: boolean
  /** All settings in the stores, as they are there. */
  readonly settings: Readonly<Record<string, unknown>>
  /** One for each promotion, the oldest first. */
  readonly history: readonly { readonly timeline: number; readonly at: string; readonly leader: string }[]
}

const Cluster = z.object({
  members: z.array(
    z.object({
      name: z.string(),
      role: z.string(),
      state: z.string(),
      timeline: z.number().optional(),
      pending_restart: z.boolean().optional(),
      tags: z.record(z.string(), z.unknown()).optional(),
    }),
  ),
  pause: z.boolean().optional(),
})
const Config = z.looseObject({
  ttl: z.number(),
  loop_wait: z.number(),
  retry_timeout: z.number(),
  failsafe_mode: z.boolean().optional(),
})
const History = z.array(z.array(z.union([z.number(), z.string()])))

/** Patroni's own interface, which anybody in the container may read. */
const ASK = `
[[ $(</proc/$(</run/failover-lab/patroni.pid)/stat) != *') T '* ]] || exit 1
for path in cluster config history; do
  exec 3<>/dev/tcp/127.0.0.1/8008
  printf 'GET /%s HTTP/1.0\\r\\n\\r\\n' $path >&3
  echo "$path $(timeout 3 sed '1,/^\\r$/d' <&3)"
done`

/** Asks the first database whose Patroni answers. */
export async function patroniView(lab: Lab): Promise<PatroniView | undefined> {
  const containers = await containersOf(lab, lab.databases)
  const running = lab.databases.filter((_, index) => containers[index]?.state === 'running')
  for (const { container } of running) {
    const { exit, stdout } = await execIn(container, ['bash', '-c', ASK])
    const lines = stdout.split('\n')
    // Until there was a first leader, there are no settings, and the answer is a page for people.
    const said = (path: string) =>
      lines.find((line) => /^\w+ [{[]/.test(line) && line.startsWith(path))?.slice(path.length)
    const [cluster, config, history] = [said('cluster'), said('config'), said('history')]
    if (exit === 0 && cluster && config) return viewIn(cluster, config, history || '[]')
  }
  return undefined
}

/** The same; nobody answering is an error. */
export async function needView(lab: Lab): Promise<PatroniView> {
  const view = await patroniView(lab)
  if (view === undefined) throw labError('PATRONI_SILENT', { lab: lab.name })
  return view
}

function viewIn(cluster: string, config: string, history: string): PatroniView {
  const { members, pause = false } = Cluster.parse(JSON.parse(cluster))
  const settings = Config.parse(JSON.parse(config))
  return {
    leader: members.find(({ role }) => role.endsWith('leader'))?.name ?? null,
    members: members.map(({ name, role, state, timeline, pending_restart, tags = {} }) => ({
      ...{ name, role, state, timeline: timeline ?? null, pendingRestart: pending_restart ?? false, tags },
    })),
    paused: pause,
    ...{ ttl: settings.ttl, loopWait: settings.loop_wait, retryTimeout: settings.retry_timeout },
    failsafe: settings.failsafe_mode ?? false,
    settings,
    history: History.parse(JSON.parse(history)).map(([timeline, , , at = '', leader = '']) => ({
      ...{ timeline: Number(timeline) + 1, at: String(at), leader: String(leader) },
    })),
  }
}
