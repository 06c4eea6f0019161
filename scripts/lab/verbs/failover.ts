import { changing } from '../docker/leftovers.ts'
import type { FailoverOptions } from '../managers/scripted/check.ts'
import type { Failover } from '../managers/scripted/failover.ts'
import { openSessions } from '../managers/scripted/means.ts'
import { loadServing } from '../managers/serving.ts'
import type { Reporter } from '../steps.ts'
import type { Lab } from '../topology/topology.ts'

/** A failover as the first work of a process: modules are loaded while the sessions open. */
export async function failover(lab: Lab, options: FailoverOptions, reporter: Reporter): Promise<Failover> {
  const sessions = openSessions(lab)
  try {
    const { replacePrimary } = await import('../managers/scripted/failover.ts')
    loadServing()
    return await changing(lab, () =>
      replacePrimary({ lab, sessions, started: performance.timeOrigin, seconds: 1 }, options, reporter),
    )
  } finally {
    for (const { end } of sessions.values()) end()
  }
}
