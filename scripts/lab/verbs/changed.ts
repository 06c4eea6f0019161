import { differencesOf } from '../docker/differences.ts'
import { idOf } from '../docker/images.ts'
import { ownContainers } from '../docker/leftovers.ts'
import { findNetwork } from '../docker/network.ts'
import { ABSENT, type Container, TAKEN } from '../docker/nodes.ts'
import { LabError } from '../errors.ts'
import { hindranceOf } from '../postgres/ended.ts'
import type { Lab, Node } from '../topology/topology.ts'

/** What was seen of a node before. */
type Seen = {
  readonly state: Container['state']
  readonly healthy: boolean
  readonly problem: string | null
  /** Null if the node is not a database, or did not answer. */
  readonly database: object | null
}

/** How the node's container differs from what the lab made. */
type Changed = { readonly changed: readonly string[] }

/**
 * Adds to the nodes how somebody changed them by hand: this is the most frequent reason why a node is not healthy.
 * @param asked those whose silence means something; the others were not asked
 */
export async function withChanges<T extends Seen>(
  lab: Lab,
  asked: readonly Node[],
  nodes: readonly T[],
  containers: readonly Container[],
): Promise<readonly (T & Changed)[]> {
  const tags = [...new Set(containers.map(({ image }) => image).filter((image) => image !== ''))]
  const [network, own, ...ids] = await Promise.all([networkOf(lab), ownContainers(lab), ...tags.map(idOf)])
  return Promise.all(
    lab.nodes.map(async (node, index): Promise<T & Changed> => {
      const seen = nodes[index]
      if (seen === undefined) throw new Error(`${node.name} was not looked at`)
      const container = containers[index] ?? ABSENT
      if (container === TAKEN) {
        const problem = `a container that is not of this lab has the name ${node.container}; zx scripts/setup.ts says how to free it`
        return { ...seen, problem, changed: [] }
      }
      if (container.described === undefined) {
        const renamed = own.find((member) => member.node === node.name)?.name
        if (renamed === undefined) return { ...seen, changed: [] }
        const what = `its container was renamed to ${renamed}`
        return { ...seen, problem: what, changed: [what] }
      }
      const image = ids[tags.indexOf(container.image)]
      const differences = differencesOf(lab, node, container.described, network, image)
      const changed = differences.map(({ what }) => what)
      const hinders = differences.filter((it) => it.hinders).map(({ what }) => what)
      const runs = container.state === 'running' || container.state === 'restarting'
      const silent = runs && asked.includes(node) ? await silentBy(node, seen, container) : []
      const hindered = runs ? [...hinders, ...silent] : []
      if (hindered.length === 0) return { ...seen, changed }
      return { ...seen, healthy: false, problem: hindered.join('; '), changed }
    }),
  )
}

/** The setting that keeps a database from answering. */
async function silentBy(
  node: Lab['nodes'][number],
  { problem, database, state }: Seen,
  container: Container,
): Promise<readonly string[]> {
  if (database !== null || (state === 'running' && problem === null)) return []
  const found = await hindranceOf(node, container, problem ?? '')
  return found === undefined ? [] : [`it cannot work with the setting ${found.setting} (${problem})`]
}

/** A network that is not of this lab counts as none. */
const networkOf = (lab: Lab) =>
  findNetwork(lab).catch((error: unknown) => {
    if (error instanceof LabError && error.code === 'NAME_TAKEN') return undefined
    throw error
  })
