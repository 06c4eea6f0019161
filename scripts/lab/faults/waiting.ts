import { ABSENT, type Container, containersOf, lastLines } from '../docker/nodes.ts'
import { LabError } from '../errors.ts'
import { endedError, endOf } from '../postgres/ended.ts'
import type { Lab, Node } from '../topology/topology.ts'
import { type Look, until } from '../wait.ts'

/** Seconds, before `patience`, after which it looks for a cause that blocks: not earlier, since this look takes time. */
export const EXPLAIN_AFTER_SECONDS = 5

/** Seconds, before `patience`, that a node may be down: somebody may be restarting it. */
const MAY_BE_DOWN_SECONDS = 1

/** What to wait for, and which nodes it needs. */
export type NodeWait = {
  readonly what: string
  /** Before `patience`. */
  readonly seconds: number
  /** Nodes that have to run. */
  readonly needs: readonly Node[]
  /** Nodes that have to run too, but may be started again and again: the look says why. */
  readonly mustNotEnd?: readonly Node[]
  /** At least one of these nodes has to run. */
  readonly needsOneOf?: readonly Node[]
  /** Nodes that may have a fault that blocks it; all by default. A node that has just started has no network fault. */
  readonly suspects?: readonly Node[]
}

/**
 * Waits for something that nodes do. If a node has ended or does not stay up, it fails at once and names the node. After a
 * while, and at the deadline, it names what blocks it: a fault in force, or a setting that hides a database.
 */
export async function untilNodes<T>(lab: Lab, wait: NodeWait, look: () => Promise<Look<T>>): Promise<T> {
  const { what, seconds, needs, mustNotEnd = [], needsOneOf = [], suspects = lab.nodes } = wait
  const needed = [...needs, ...mustNotEnd]
  const watchedNodes = [...needed, ...needsOneOf]
  const { patience } = lab.settings
  const explainAt = performance.now() + EXPLAIN_AFTER_SECONDS * 1000 * patience
  const ends = endsOf(MAY_BE_DOWN_SECONDS * 1000 * patience)
  let explained = false
  const explain = async () => {
    // Loaded only here: it is rarely needed and takes long to load.
    const { assertUnhindered } = await import('./hindrance.ts')
    await assertUnhindered(lab, what, needed, suspects)
  }
  const watched = async (): Promise<Look<T>> => {
    const found = await look()
    if ('done' in found) return found
    const containers = await containersOf(lab, watchedNodes)
    const ended = watchedNodes.map((node, index) => {
      const container = containers[index] ?? ABSENT
      return ends(node, container) && !(mustNotEnd.includes(node) && endOf(container) === 'dying')
    })
    const oneOf = ended.slice(needed.length)
    const index = oneOf.length > 0 && oneOf.every(Boolean) ? needed.length : ended.slice(0, needed.length).indexOf(true)
    const [node, container] = [watchedNodes[index], containers[index]]
    if (node !== undefined && container !== undefined) {
      // A fault may be the cause: a node may end because it does not reach another one.
      if (endOf(container) === 'dying') await explain()
      throw await endedError(lab, node, container)
    }
    if (!explained && performance.now() > explainAt) {
      explained = true
      await explain()
    }
    return found
  }
  return until(what, { seconds, patience }, watched).catch(async (error) => {
    if (!(error instanceof LabError && error.code === 'TIMEOUT')) throw error
    await explain()
    const says = `${error.message}\n${await lastSaid(watchedNodes)}`
    throw new LabError(error.code, { says, fix: error.fix })
  })
}

/** Finds a node that has ended: one that has been down for a while, or one that does not stay up. */
function endsOf(milliseconds: number): (node: Node, container: Container) => boolean {
  const downSince = new Map<Node, number>()
  return (node, container) => {
    const end = endOf(container)
    if (end === 'dying') return true
    if (end === undefined) downSince.delete(node)
    else if (!downSince.has(node)) downSince.set(node, performance.now())
    return performance.now() - (downSince.get(node) ?? Number.POSITIVE_INFINITY) > milliseconds
  }
}

const lastSaid = async (nodes: readonly Node[]): Promise<string> =>
  (await Promise.all(nodes.map(async (node) => (await lastLines(node, 2)).replaceAll(/^/gm, `${node.name}: `)))).join(
    '\n',
  )
