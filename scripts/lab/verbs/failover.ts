import { changing } from '../docker/leftovers.ts'
import type { FailoverOptions } from '../managers/scripted/check.ts'
import type { Failover } from '../managers/scripted/failover.ts'
import { loadServing } from '../managers/serving.ts'
import { openObserver } from '../postgres/observer.ts'
import type { Reporter } from '../steps.ts'
import type { Lab } from '../topology/topology.ts'

/** A failover as the first work of a process: modules are loaded while the sessions open. */
export async function failover(lab: Lab, options: FailoverOptions, reporter: Reporter): Promise<Failover> {
  const observer = openObserver(lab, 0)
  // The first question opens a session; nobody waits for this answer.
  for (const node of lab.databases) void observer.position(node, 5)
  try {
    const { replacePrimary } = await import('../managers/scripted/failover.ts')
    loadServing()
    return await changing(lab, () =>
      replacePrimary({ lab, observer, started: performance.timeOrigin }, options, reporter),
    )
  } finally {
    observer.end()
  }
}
