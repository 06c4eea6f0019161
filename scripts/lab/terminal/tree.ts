import type { NodeStatus } from '../verbs/node-status.ts'
import type { LabStatus } from '../verbs/status.ts'

/** A node, and how many others are above it. */
type Placed = { readonly node: NodeStatus; readonly depth: number }

/** The nodes; if a standby follows another one, each standby stands under its upstream. */
export function inTree({ nodes, primaries }: Pick<LabStatus, 'nodes' | 'primaries'>): readonly Placed[] {
  const upstreamOf = ({ database }: NodeStatus) => nodes.find(({ name }) => name === database?.upstream)
  const isStandby = ({ database }: NodeStatus) =>
    // Beside a primary that answers, one that does not answer was a standby.
    database === null ? primaries.length > 0 : database.role === 'standby'
  const hasCascade = nodes.some((node) => {
    const upstream = upstreamOf(node)
    return upstream !== undefined && isStandby(upstream)
  })
  if (!hasCascade) return nodes.map((node) => ({ node, depth: 0 }))
  const under = (upstream: NodeStatus, depth: number): readonly Placed[] =>
    nodes
      .filter((node) => upstreamOf(node) === upstream)
      .flatMap((node) => [{ node, depth }, ...under(node, depth + 1)])
  const whole = nodes
    .filter((node) => upstreamOf(node) === undefined)
    .flatMap((node) => [{ node, depth: 0 }, ...under(node, 1)])
  // Those in a circle are under nobody who is in the tree.
  const inCircle = nodes.filter((node) => whole.every((placed) => placed.node !== node))
  return [
    ...whole.filter(isDatabase),
    ...inCircle.map((node) => ({ node, depth: 0 })),
    ...whole.filter((it) => !isDatabase(it)),
  ]
}

const isDatabase = ({ node }: Placed): boolean => node.kind === 'database'
