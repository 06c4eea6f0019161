import { labError } from '../errors.ts'
import { EXPLAIN_AFTER_SECONDS } from '../faults/waiting.ts'
import type { LabStatus, NodeStatus } from './status.ts'

/**
 * For a wait that begins now: refuses to wait for what does not pass, such as a full disk. While a node comes up, some of
 * that shows for a moment, so it counts only after a while, or at once in a node that ends again and again.
 */
export function untilHopeless(patience: number): (status: LabStatus) => void {
  const explainAt = performance.now() + EXPLAIN_AFTER_SECONDS * 1000 * patience
  let late = false
  return ({ nodes }) => {
    const dying = ({ state, restarts }: NodeStatus) => state === 'restarting' && restarts >= 3
    const found = nodes.find((node) => node.trouble !== null && !node.trouble.passes && (late || dying(node)))
    if (found?.trouble)
      throw labError('HINDERED', { node: found.name, says: found.trouble.says, advice: found.trouble.fix })
    // A fault that hinders comes first: it is looked for at that moment.
    late = performance.now() > explainAt
  }
}
