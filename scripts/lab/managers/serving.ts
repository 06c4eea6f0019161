import { act } from '../docker/command.ts'
import { containersOf } from '../docker/nodes.ts'
import { untilNodes } from '../faults/waiting.ts'
import type { Tell } from '../steps.ts'
import { endpointOf, type Lab } from '../topology/topology.ts'

/** Loads what `serving` needs, while the verb waits for something else anyway. */
export const loadServing = (): void => void load().catch(() => {})

const load = () => import('../service/write-probe.ts')

/** Loads it and makes a first call, which takes many times as long as later ones. */
export async function warmServing(lab: Lab): Promise<void> {
  const { probeWrites } = await load()
  await probeWrites(endpointOf(lab, lab.loader) ?? '', lab.settings.patience)
}

/** Waits until a write through the balancer is acknowledged by the primary of that timeline. */
export async function serving(lab: Lab, timeline: number): Promise<void> {
  const { probeWrites } = await load()
  const { patience } = lab.settings
  const what = `a write on timeline ${timeline} through the balancer`
  await untilNodes(lab, { what, seconds: 15, needs: [lab.loader], needsOneOf: lab.servers }, async () => {
    const seen = await probeWrites(endpointOf(lab, lab.loader) ?? '', patience)
    if ('problem' in seen) return { seen: seen.problem }
    return seen.timeline === timeline ? { done: undefined } : { seen: `a write on timeline ${seen.timeline}` }
  })
}

/** Restarts the servers that run, so that they forget the history that they have seen. */
export async function restartServers(tell: Tell, lab: Lab): Promise<void> {
  const containers = await containersOf(lab, lab.servers)
  const running = lab.servers.filter((_, index) => containers[index]?.state === 'running')
  if (running.length > 0) await act(tell, ['restart', ...running.map(({ container }) => container)])
}

/** Waits until the balancer sends calls to both servers: after a server was down, the balancer skips it for a moment. */
export async function balanced(lab: Lab): Promise<void> {
  const { probeWrites } = await load()
  const { patience } = lab.settings
  const what = 'the balancer to send calls to both servers'
  await untilNodes(lab, { what, seconds: 10, needs: [...lab.servers, lab.loader] }, async () => {
    const reached = new Set<string>()
    for (const _ of lab.servers) {
      const seen = await probeWrites(endpointOf(lab, lab.loader) ?? '', 3 * patience)
      if ('problem' in seen) return { seen: seen.problem }
      reached.add(seen.servedBy)
    }
    return reached.size === lab.servers.length ? { done: undefined } : { seen: `only ${[...reached].join(', ')}` }
  })
}
