// What every test of a fault starts from: bring it about as a user would, see it, see its effect, heal it.
import type { Test } from 'tap'
import { attempt } from '../scripts/lab/docker/command.ts'
import type { Fault } from '../scripts/lab/faults/kind.ts'
import { faultsIn, KINDS, type KindName } from '../scripts/lab/faults/kinds.ts'
import { viewsOf } from '../scripts/lab/faults/views.ts'
import { type NodeName, TOPOLOGY } from '../scripts/lab/topology/topology.ts'
import { statusOf } from '../scripts/lab/verbs/status.ts'
import { until } from '../scripts/lab/wait.ts'
import { containerOf, failureOf, lab, patience, type Ran, verb } from './the-lab.ts'

export const fault = (...args: readonly string[]): Promise<Ran> => verb('fault', args)

const whole = new WeakSet<Test>()

/** Brings a fault about; all is healed when the test ends, if it has not come to that by itself. */
export async function broken(t: Test, ...args: readonly string[]): Promise<void> {
  t.teardown(async () => {
    if (whole.has(t)) return
    const ran = await fault('heal')
    if (ran.exit !== 0) throw new Error(failureOf(ran))
  })
  whole.delete(t)
  const ran = await fault(...args)
  t.equal(ran.exit, 0, failureOf(ran))
}

/** Heals what was chosen, then waits until the lab is healthy. */
export async function healed(t: Test, ...what: readonly string[]): Promise<void> {
  const ran = await fault('heal', ...what)
  t.equal(ran.exit, 0, failureOf(ran))
  await healthyAgain(t)
}

/** Waits until the lab is healthy: then there is nothing left to heal. */
export const healthyAgain = (t: Test) =>
  until('a healthy lab', { seconds: 30, patience }, async () => {
    const { healthy, nodes } = await statusOf(lab)
    if (healthy) whole.add(t)
    return healthy
      ? { done: undefined }
      : { seen: JSON.stringify(nodes.map(({ name, problem }) => ({ name, problem }))) }
  })

/** What is in force of a kind on a node, without the cost of looking at everything. */
export async function faults(name: KindName, node: NodeName): Promise<readonly Fault[]> {
  const kinds = KINDS.filter((kind) => kind.name === name)
  const nodes = lab.nodes.filter((it) => it.name === node)
  return faultsIn(
    await viewsOf(
      lab,
      nodes,
      kinds.map(({ place }) => place),
    ),
    kinds,
  )
}

/** How a connection from one node to another's port goes: `open`, `refused`, or `silent` after two seconds. */
export async function connection(from: NodeName, to: NodeName): Promise<string> {
  const connect = `exec 3<>/dev/tcp/${to}/${TOPOLOGY[to].port}`
  const ran = await attempt(['exec', containerOf(from), 'timeout', String(2 * patience), 'bash', '-c', connect])
  if (ran.exit === 0) return 'open'
  return ran.exit === 124 ? 'silent' : /refused/i.test(ran.stderr) ? 'refused' : ran.stderr
}
