import { changing } from '../../engine/leftovers.ts'
import type { Lab } from '../../topology.ts'
import { loadServing } from '../serving.ts'
import type { FailoverOptions } from './check.ts'
import type { Failover } from './failover.ts'
import { openSessions } from './means.ts'

/** A failover as the first work of a process: modules are loaded while the sessions open. */
export async function failover(lab: Lab, options: FailoverOptions): Promise<Failover> {
  const sessions = openSessions(lab)
  try {
    const { failOver } = await import('./failover.ts')
    loadServing()
    return await changing(lab, () => failOver({ lab, sessions, started: performance.timeOrigin, seconds: 1 }, options))
  } finally {
    for (const { end } of sessions.values()) end()
  }
}
