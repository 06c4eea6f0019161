import { act } from '../docker/command.ts'
import { execIn } from '../docker/exec.ts'
import type { Tell } from '../steps.ts'
import type { Node } from '../topology/topology.ts'
import type { Daemon, Kind } from './kind.ts'

type PatroniOptions = { readonly how?: string }

/** Files of provisioning/patroni/start.sh. */
const PID = '/run/failover-lab/patroni.pid'
const START_AGAIN = '/run/failover-lab/start-patroni'

/** The state of a process is the word after its name, which is in parentheses. */
const LOOK = `
pid=$(<${PID})
if ! stat=$(cat /proc/$pid/stat 2>/dev/null); then echo killed; exit; fi
stat=\${stat##*) }
if [[ $stat == T* ]]; then echo frozen; else echo runs; fi`

/** Looks at the Patroni of a database; undefined if the database has none, or ends at that moment. */
export async function daemonOf({ container }: Node): Promise<Daemon | undefined> {
  const { exit, stdout } = await execIn(container, ['bash', '-c', LOOK])
  const said = stdout.trim()
  return exit === 0 && (said === 'runs' || said === 'frozen' || said === 'killed') ? said : undefined
}

/** What decides about a database gets no processor time, or is gone, and the database itself goes on. */
export const patroni: Kind<'patroni', PatroniOptions> = {
  name: 'patroni',
  does: 'freezes or kills the Patroni of a database, which runs on: nobody renews its lease, or tells it what to do',
  fits: 'a database of a lab with Patroni',
  place: 'manager',
  states: ['running'],
  hasPeers: false,
  hinders: true,
  options: {
    how: {
      value: 'way',
      says: 'freeze: it gets no processor time (default); kill: it is gone',
      takes: ['freeze', 'kill'],
    },
  },
  isFor: ({ manager }) => manager !== undefined,
  inject: (tell, { view: { node }, options: { how = 'freeze' } }) =>
    inContainer(tell, node, `kill -${how === 'kill' ? 'KILL' : 'STOP'} $(<${PID})`),
  inForce: ({ manager }) => {
    if (manager === 'frozen') return [{ detail: 'its Patroni is frozen' }]
    return manager === 'killed' ? [{ detail: 'its Patroni was killed' }] : []
  },
  heal: (tell, _, node) => inContainer(tell, node, `kill -CONT $(<${PID}) 2>/dev/null || touch ${START_AGAIN}`),
}

const inContainer = (tell: Tell, { container }: Node, script: string): Promise<string> =>
  act(tell, ['exec', container, 'bash', '-c', script])
