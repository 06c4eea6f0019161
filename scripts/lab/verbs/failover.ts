import { changing } from '../docker/leftovers.ts'
import type { FailoverOptions } from '../managers/scripted/check.ts'
import type { Failover } from '../managers/scripted/failover.ts'
import { openSessions } from '../managers/scripted/means.ts'
import { loadServing } from '../managers/serving.ts'
import type { Lab } from '../topology/topology.ts'

/** A failover as the first work of a process: modules are loaded while the sessions open. */
export async function failover(lab: Lab, options: FailoverOptions): Promise<Failover> {
  const sessions = openSessions(lab)
  try {
    const { failOver } = await import('../managers/scripted/failover.ts')
    loadServing()
    return await changing(lab, () => failOver({ lab, sessions, started: performance.timeOrigin, seconds: 1 }, options))
  } finally {
    for (const { end } of sessions.values()) end()
  }
}
