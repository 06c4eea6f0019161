import { removeNodes } from '../docker/creation.ts'
import { hinderingOf } from '../docker/differences.ts'
import { changing } from '../docker/leftovers.ts'
import { findNetwork } from '../docker/network.ts'
import { ABSENT, containersOf, killNode, startNode } from '../docker/nodes.ts'
import { labError } from '../errors.ts'
import { healNetwork } from '../faults/heal.ts'
import { managerOf } from '../managers/manager-of.ts'
import { balanced } from '../managers/serving.ts'
import { freshStart, type StartNote, writeStartNote } from '../postgres/start-note.ts'
import type { Reporter, Tell } from '../steps.ts'
import type { Lab, Node } from '../topology/topology.ts'
import { healthy } from './setup.ts'
import { type LabStatus, statusOf } from './status.ts'

/** Brings the lab back to its first state: all databases start with the prepared data. All votes and backups are deleted. */
export const reset = (lab: Lab, { step }: Reporter): Promise<LabStatus> =>
  changing(lab, async () => {
    await assertUnchanged(lab)
    const fronts = [...lab.servers, lab.loader]
    const { nodes } = await statusOf(lab, [...fronts, ...lab.stores])
    const absent = nodes.find(({ state }) => state === 'absent' || state === 'created')
    if (absent !== undefined) throw labError('NOT_SET_UP', { lab: lab.name, missing: absent.name })
    const seen = new Map(nodes.map((it) => [it.name, it]))
    // Servers, the balancer and stores keep no votes. One that answers goes on, and its clients stay connected.
    const kept = [...fronts, ...lab.stores].filter(({ name }) => seen.get(name)?.healthy)
    const restarted = lab.nodes.filter((node) => !kept.includes(node))
    const alive = restarted.filter(({ name }) => seen.get(name)?.state !== 'exited')
    const [beside = ABSENT] = await containersOf(lab, [lab.restored])
    if (beside.state !== 'absent')
      await step(`Remove ${lab.restored.name}`, ({ tell }) => removeNodes(tell, lab, [lab.restored]))
    // They are killed: none of their data is kept, and a frozen node cannot shut down in order.
    if (alive.length > 0) await step('Stop nodes', ({ tell }) => Promise.all(alive.map((node) => killNode(tell, node))))
    const stores = lab.stores.filter((node) => restarted.includes(node))
    if (stores.length > 0) {
      await step('Start stores', ({ tell }) => start(tell, lab, stores))
      await step('Wait until the stores agree', () => healthy(lab, lab.stores, []))
    }
    await step('Start databases from their prepared data', async ({ tell }) => {
      // All are marked before one starts: one with new data and one with old data could not replicate.
      await Promise.all(lab.databases.map((node) => writeStartNote(tell, node, withoutBackups(freshStart(lab, node)))))
      await managerOf(lab).forget(tell, lab)
      await start(tell, lab, lab.databases)
    })
    // Servers start meanwhile; they accept no calls before their databases are ready. If they started before the
    // databases, they would wait a second for an address that does not exist yet.
    const servers = lab.servers.filter((node) => restarted.includes(node))
    if (servers.length > 0) await step('Start servers', ({ tell }) => start(tell, lab, servers))
    // The network faults of the others ended when they were stopped.
    const healed = async (tell: Tell, nodes: readonly Node[]): Promise<LabStatus> =>
      (await Promise.all([healthy(lab, nodes, []), healNetwork(tell, lab, kept)]))[0]
    if (restarted.includes(lab.loader)) {
      await step('Wait until both servers answer', ({ tell }) => healed(tell, lab.servers))
      await step('Start the balancer', ({ tell }) => start(tell, lab, [lab.loader]))
    }
    return step('Wait until all nodes are healthy', async ({ tell }) => {
      const status = await healed(tell, lab.nodes)
      await balanced(lab)
      return status
    })
  })

/** Backups of data that are gone could only be confused with those of the new data: both come from the same image. */
const withoutBackups = (note: StartNote): StartNote =>
  note.do === 'fresh' && note.from === undefined ? { ...note, backups: 'drop' } : note

/** Refuses, before anything is stopped, if somebody changed a container so that its node could not work afterwards. */
async function assertUnchanged(lab: Lab): Promise<void> {
  // If a foreign container has the name of a node, status goes on, but reset must not.
  const [containers, network] = await Promise.all([containersOf(lab), findNetwork(lab)])
  for (const [index, node] of lab.nodes.entries()) {
    const what = hinderingOf(lab, node, containers[index] ?? ABSENT, network)
    if (what !== '') throw labError('NODE_CHANGED', { node: node.name, what })
  }
}

/** Starts them side by side; one command for all would start one after another. */
const start = (tell: Tell, lab: Lab, nodes: readonly Node[]): Promise<unknown> =>
  Promise.all(nodes.map((node) => startNode(tell, lab, node)))
