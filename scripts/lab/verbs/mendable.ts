import { labError } from '../errors.ts'
import { EXPLAIN_AFTER_SECONDS } from '../faults/waiting.ts'
import type { NodeStatus } from './node-status.ts'
import type { LabStatus } from './status.ts'

/**
 * For a wait that begins now: refuses to wait if a cause does not pass by itself, such as a full disk. While a node starts,
 * some causes show for a moment. So a cause counts only after a while, or at once if a node ends again and again, or has
 * `ended` for good.
 */
export function untilHopeless(patience: number): (status: LabStatus, ended?: boolean) => void {
  const explainAt = performance.now() + EXPLAIN_AFTER_SECONDS * 1000 * patience
  let late = false
  return ({ nodes }, ended = false) => {
    const dying = ({ state, restarts }: NodeStatus) => state === 'restarting' && restarts >= 3
    const found = nodes.find((node) => node.trouble !== null && !node.trouble.passes && (late || ended || dying(node)))
    if (found?.trouble)
      throw labError('HINDERED', { node: found.name, says: found.trouble.says, advice: found.trouble.fix })
    // A fault in force comes first: the wait looks for it at that moment.
    late = performance.now() > explainAt
  }
}
