import { changing } from '../../docker/leftovers.ts'
import { openObserver } from '../../postgres/observer.ts'
import type { Manager } from '../manager.ts'
import { loadServing } from '../serving.ts'

/** The verbs themselves: on one machine they can prove that they have fenced. Each part is loaded when it is needed. */
export const scripted: Manager = {
  async failover(lab, options, reporter) {
    const observer = openObserver(lab, 0)
    // The first question opens a session; nobody waits for this answer. Meanwhile the modules are loaded.
    for (const node of lab.databases) void observer.position(node, 5)
    try {
      const { replacePrimary } = await import('./failover.ts')
      loadServing()
      const means = { lab, observer, started: performance.timeOrigin }
      return await changing(lab, () => replacePrimary(means, options, reporter))
    } finally {
      observer.end()
    }
  },
  view: async () => undefined,
  control: undefined,
  prepare: () => import('./failover.ts'),
  watch: async (...args) => (await import('./watch.ts')).watch(...args),
  switchover: async (...args) => (await import('./switchover.ts')).switchover(...args),
  rejoin: async (...args) => (await import('./rejoin.ts')).rejoin(...args),
  forget: async () => {},
  letGo: async () => {},
  putLevel: async (...args) => (await import('./level.ts')).putLevel(...args),
  restoreLevel: async (...args) => (await import('./level.ts')).restoreChosen(...args),
  copy: async (...args) => (await import('./rebuild.ts')).copyFrom(...args),
}
